//! The platform's enumerations. All are open: unknown values are accepted.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Defines an enum of the known values, compared ignoring case, with `Other` for the rest (in lower case).
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value outside the known set, in lower case.
            Other(String),
        }

        impl $name {
            /// The value in lower case, the form in which two spellings compare.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                let text = text.trim().to_lowercase();
                match text.as_str() {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(String::deserialize(deserializer)?.as_str()))
            }
        }
    };
}

open_enum! {
    /// The kind of an identifier. The platform uses many casings (`Mdn`, `ESN`, `iccId`).
    Kind {
        /// Mobile directory number, 10 digits.
        Mdn = "mdn",
        /// Mobile subscriber number, 11 digits.
        Msisdn = "msisdn",
        /// Mobile identification number, 10 digits.
        Min = "min",
        /// Number of the SIM, up to 20 digits.
        Iccid = "iccid",
        /// Number of the subscriber, 15 digits.
        Imsi = "imsi",
        /// Number of 4G and 5G hardware, 14 to 16 digits.
        Imei = "imei",
        /// Number of 3G hardware, 14 hexadecimal digits.
        Meid = "meid",
        /// Number of 2G hardware, 11 decimal or 8 hexadecimal digits.
        Esn = "esn",
        /// Number of an embedded SIM's chip, 32 digits.
        Eid = "eid",
    }
}

open_enum! {
    /// The change of a device, as in ExternalProvisioningChanges.
    Change {
        /// A line of service was activated.
        Activate = "activate",
        /// A line of service was suspended.
        Suspend = "suspend",
        /// A suspended line of service was restored.
        Restore = "restore",
        /// A line of service was deactivated.
        Deactivate = "deactivate",
        /// The mdn was replaced. In a documented sample, though not in the documented list.
        ChangeMdn = "changemdn",
        /// The esn was replaced.
        ChangeEsn = "changeesn",
        /// The imei was replaced.
        ChangeImei = "changeimei",
        /// The iccid was replaced.
        ChangeIccid = "changeiccid",
        /// Both were replaced.
        ChangeImeiIccid = "changeimeiiccid",
        /// 3G hardware was replaced by 4G hardware.
        ChangeDevice3gTo4g = "changedevice3gto4g",
        /// 4G hardware was replaced by 3G hardware.
        ChangeDevice4gTo3g = "changedevice4gto3g",
        /// The network saw the SIM in other hardware.
        DeviceDetection = "device detection",
    }
}

open_enum! {
    /// The provisioning state of a line.
    State {
        /// In service.
        Active = "active",
        /// Out of service for a time; keeps its mdn.
        Suspend = "suspend",
        /// Out of service; has no mdn. The platform's own spelling.
        Deactive = "deactive",
        /// Set by the platform alone; only activation follows.
        PreActive = "pre-active",
        /// Being activated, for minutes to a day.
        PendingActivation = "pending activation",
    }
}

/// A value of an open enumeration together with the text that was sent. Compared by value, ignoring the spelling.
#[derive(Debug, Clone)]
pub struct AsSent<T> {
    value: T,
    text: String,
}

impl<T> AsSent<T> {
    /// The text as sent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<T: for<'a> From<&'a str>> From<String> for AsSent<T> {
    fn from(text: String) -> Self {
        Self { value: T::from(&text), text }
    }
}

impl<T> Deref for AsSent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for AsSent<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for AsSent<T> {}

impl<T> fmt::Display for AsSent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T> Serialize for AsSent<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
