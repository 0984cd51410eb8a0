//! Random tokens and ids.

/// A token.
pub(crate) fn token() -> String {
    uuid(&mut fastrand::Rng::new())
}

/// A random UUID, as request ids are.
pub(crate) fn uuid(random: &mut fastrand::Rng) -> String {
    let (a, b, c, d) = (random.u32(..), random.u16(..), random.u16(..) & 0x0fff, random.u16(..) & 0x3fff);
    format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", d | 0x8000, random.u64(..) >> 16)
}
