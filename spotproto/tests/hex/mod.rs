//! Reading the hexadecimal of published vectors.

/// The bytes of `digits`, spaces and line breaks left out.
pub(crate) fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> =
        digits.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).expect("hexadecimal")).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// The `N` bytes of `digits`.
pub(crate) fn array<const N: usize>(digits: &str) -> [u8; N] {
    bytes(digits).try_into().expect("a vector of the right length")
}
