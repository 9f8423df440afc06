//! Reading numbers and pieces off the front of bytes, without a step beyond their end.

/// What is left to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next `count` bytes; `None` where there are fewer.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// The next two, the lowest first; so all others.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count of at most four bytes of `size` bytes each or more: no larger than what is left can hold.
    pub fn count(&mut self, size: usize) -> Option<usize> {
        let count = usize::try_from(self.u32()?).ok()?;
        (count.checked_mul(size)? <= self.0.len()).then_some(count)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes a count as [`Bytes::count`] reads it.
///
/// # Panics
/// When there are more than four bytes can say, which nothing that is kept comes near.
pub fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend(u32::try_from(count).expect("BUG: what is kept is bounded").to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut bytes = Bytes(&[1, 2, 0, 9]);
        assert_eq!((bytes.byte(), bytes.u16(), bytes.u16()), (Some(1), Some(2), None));
        assert_eq!((bytes.byte(), bytes.byte(), bytes.is_empty()), (Some(9), None, true));
        let mut written = Vec::new();
        put_count(&mut written, 3);
        assert_eq!(Bytes(&written).count(0), Some(3));
        assert_eq!(Bytes(&written).count(1), None, "there are not three more bytes");
    }
}
