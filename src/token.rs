//! The sources of events that the poll reports on.

use mio::Token;

/// Bits for the index beside the kind: the largest configuration (16 MiB) has less than a million resources with ten
/// pipes each.
const INDEX_BITS: u32 = 28;

/// A source of events. Its [`Token`] is the kind in the upper bits and the index in the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Another thread has put something into a channel for the event loop.
    Wake,
    /// Signals.
    Signals,
    /// A UDP socket, by its index in the link.
    Socket(usize),
    /// A pipe of a command, by the executor's own numbering.
    Pipe(usize),
    /// The believed process of an application, by the index of its resource.
    Process(usize),
    /// The Unix socket for applications.
    AppSocket,
    /// A connection to it, by the socket's own numbering.
    AppConnection(usize),
    /// Something is due.
    Timer,
    /// The poll of commands and other threads.
    Work,
    /// The poll of reports.
    Reports,
}

impl Source {
    const fn parts(self) -> (usize, usize) {
        match self {
            Source::Wake => (0, 0),
            Source::Signals => (1, 0),
            Source::Socket(index) => (2, index),
            Source::Pipe(index) => (3, index),
            Source::Process(index) => (4, index),
            Source::AppSocket => (5, 0),
            Source::AppConnection(index) => (6, index),
            Source::Timer => (7, 0),
            Source::Work => (8, 0),
            Source::Reports => (9, 0),
        }
    }

    /// The number behind the token.
    pub const fn number(self) -> usize {
        let (kind, index) = self.parts();
        (kind << INDEX_BITS) + index
    }

    /// The source with this token; `None` for one that was never given out.
    pub fn of(token: Token) -> Option<Source> {
        let index = token.0 & ((1 << INDEX_BITS) - 1);
        match token.0 >> INDEX_BITS {
            0 => Some(Source::Wake),
            1 => Some(Source::Signals),
            2 => Some(Source::Socket(index)),
            3 => Some(Source::Pipe(index)),
            4 => Some(Source::Process(index)),
            5 => Some(Source::AppSocket),
            6 => Some(Source::AppConnection(index)),
            7 => Some(Source::Timer),
            8 => Some(Source::Work),
            9 => Some(Source::Reports),
            _ => None,
        }
    }
}

impl From<Source> for Token {
    fn from(source: Source) -> Token {
        Token(source.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_way_back_to_its_source() {
        let most = (1 << INDEX_BITS) - 1;
        let indexed = [Source::Socket, Source::Pipe, Source::Process, Source::AppConnection];
        let indexed = indexed.into_iter().flat_map(|source| [source(0), source(1), source(most)]);
        let alone =
            [Source::Wake, Source::Signals, Source::AppSocket, Source::Timer, Source::Work, Source::Reports];
        for source in alone.into_iter().chain(indexed) {
            assert_eq!(Source::of(source.into()), Some(source));
        }
        assert_eq!(Source::of(Token(usize::MAX)), None);
    }
}
