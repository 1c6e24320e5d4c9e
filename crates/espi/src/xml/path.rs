//! The names of the open elements, kept in one buffer so that going in and out costs no
//! allocation.

/// Open elements, outermost first. The name of an element that was just left stays behind the
/// end, because an error about its value is only known then.
#[derive(Debug, Default)]
pub(crate) struct Path {
    names: String,
    /// Where each name begins in `names`.
    begins: Vec<usize>,
    /// Where the innermost name ends.
    end: usize,
}

impl Path {
    #[inline]
    pub(crate) fn push(&mut self, name: &str) {
        self.names.truncate(self.end);
        self.begins.push(self.end);
        self.names.push_str(name);
        self.end = self.names.len();
    }

    #[inline]
    pub(crate) fn pop(&mut self) {
        if let Some(begin) = self.begins.pop() {
            self.end = begin;
        }
    }

    /// Takes back the last [`Self::pop`].
    pub(crate) fn back_in(&mut self) {
        if self.end < self.names.len() {
            self.begins.push(self.end);
            self.end = self.names.len();
        }
    }

    #[inline]
    pub(crate) fn depth(&self) -> usize {
        self.begins.len()
    }

    /// The innermost name.
    #[inline]
    pub(crate) fn last(&self) -> &str {
        let begin = self.begins.last().copied().unwrap_or_default();
        self.names.get(begin..self.end).unwrap_or_default()
    }

    /// `feed/entry/content`, for a message.
    pub(crate) fn joined(&self) -> String {
        let ends = self.begins.iter().skip(1).copied();
        let ends = ends.chain(std::iter::once(self.end));
        let names = self.begins.iter().copied().zip(ends);
        let names: Vec<String> = names
            .filter_map(|(begin, end)| self.names.get(begin..end))
            .map(super::quoted::name)
            .collect();
        names.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_in_and_out() {
        let mut path = Path::default();
        assert_eq!((path.last(), path.joined().as_str()), ("", ""));
        for name in ["feed", "entry", "content"] {
            path.push(name);
        }
        assert_eq!((path.last(), path.depth()), ("content", 3));
        assert_eq!(path.joined(), "feed/entry/content");
        path.pop();
        path.back_in();
        assert_eq!(path.joined(), "feed/entry/content");
        path.back_in();
        assert_eq!(path.depth(), 3, "only once");
        path.pop();
        path.pop();
        assert_eq!((path.last(), path.joined().as_str()), ("feed", "feed"));
        path.pop();
        path.pop();
        assert_eq!(path.depth(), 0);
    }
}
