//! DynamoDB's limits, one constant each.

/// The keys of one `BatchGetItem`.
pub(crate) const MAX_BATCH_GET_KEYS: usize = 100;

/// The items of one `TransactWriteItems`.
pub(crate) const MAX_TRANSACTION_ITEMS: usize = 100;

/// The size of one `TransactWriteItems` is 4 MB; the rest is room for keys and small rows.
pub(crate) const MAX_TRANSACTION_BYTES: usize = 3_500_000;

/// The size of a row is 409,600 bytes; the rest is room for the attributes beside the JSON.
pub(crate) const MAX_ROW_BYTES: usize = 400_000;

/// The size of a partition key is 2,048 bytes. The platform's account names have 16 characters.
pub(crate) const MAX_ACCOUNT_CHARS: usize = 256;
