//! Two daemons that say words again by their numbers, on a link that loses, doubles and reorders, and that are started anew.
//!
//! A number never means anything but the word that its sender meant by it. When the link is whole again, every word is known
//! after one batch and the answer to it.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use schrittmacher_fuzz::bytes::Bytes;
use schrittmacher_wire::{
    BatchKind, BatchReceiver, BatchSender, Message, Numbers, PeerDatagram, Run, Trip, encode_batch,
};

const RESOURCES: usize = 6;

/// What is on the link.
#[derive(Clone)]
enum Datagram {
    Whole { run: u64, number: Option<u64>, resource: usize, word: u8 },
    Batch(Vec<u8>),
}

#[derive(Default)]
struct Link {
    run: u64,
    sender: BatchSender<u8>,
    receiver: BatchReceiver<u8>,
    /// What each number of each run was meant for.
    meant: HashMap<(u64, u64), (usize, u8)>,
    said: [Option<u8>; RESOURCES],
    heard: [Option<u8>; RESOURCES],
    sent: Vec<Datagram>,
}

fuzz_target!(|input: &[u8]| {
    let (mut link, mut bytes) = (Link::default(), Bytes::new(input));
    while let Some(step) = bytes.step() {
        let resource = usize::from(step.a) % RESOURCES;
        match step.what % 8 {
            0 | 1 => drop(link.whole(resource, step.b % 4, step.b & 0x80 == 0)),
            2 => drop(link.batch()),
            3..=5 => {
                let back = 1 + usize::from(step.a) % link.sent.len().max(1);
                let at = link.sent.len().checked_sub(back);
                if let Some(datagram) = at.map(|at| link.sent[at].clone()) {
                    let unknown = link.arrive(&datagram);
                    if step.b & 1 == 0 {
                        link.explain(&unknown);
                    }
                }
            }
            6 => {
                link.run += 1;
                link.sender = BatchSender::default();
                link.said = Default::default();
            }
            _ => {
                link.receiver = BatchReceiver::default();
                link.heard = Default::default();
            }
        }
    }
    // Of a resource of which nothing was said as a whole with a number there is nothing in a batch.
    let batched: Vec<usize> =
        (0..RESOURCES).filter(|resource| link.sender.has_said(*resource, |_| true)).collect();
    for _ in 0..2 {
        for datagram in link.batch() {
            let unknown = link.arrive(&datagram);
            for datagram in link.explain(&unknown) {
                link.arrive(&datagram);
            }
        }
    }
    for resource in batched {
        assert_eq!(link.heard[resource], link.said[resource], "resource {resource}");
    }
});

impl Link {
    fn whole(&mut self, resource: usize, word: u8, is_numbered: bool) -> Datagram {
        self.said[resource] = Some(word);
        let number = is_numbered.then(|| self.sender.whole(resource, word));
        match number {
            None => self.sender.forget(resource),
            Some(number) => {
                let before = self.meant.insert((self.run, number), (resource, word));
                assert!(before.is_none_or(|before| before == (resource, word)), "one number for two words");
            }
        }
        let datagram = Datagram::Whole { run: self.run, number, resource, word };
        self.sent.push(datagram.clone());
        datagram
    }

    /// The heartbeats of all resources that have said something.
    fn batch(&mut self) -> Vec<Datagram> {
        let said = self.said;
        let mut numbers: Vec<u64> = (0..RESOURCES)
            .filter_map(|resource| self.sender.again(resource, 1, |word| Some(*word) == said[resource]))
            .collect();
        numbers.sort_unstable();
        if numbers.is_empty() {
            return Vec::new();
        }
        let (run, trip) = (Run { own: self.run, peer: None }, Trip { number: 1, time: 1, echo: None });
        let (bytes, rest) = encode_batch(BatchKind::Says, &numbers, run, trip, 160);
        assert!(rest.is_empty());
        assert!(Message::parse(&bytes).is_err(), "no message to anybody else");
        self.sent.push(Datagram::Batch(bytes.clone()));
        vec![Datagram::Batch(bytes)]
    }

    /// Gives the numbers that are not known.
    fn arrive(&mut self, datagram: &Datagram) -> Vec<u64> {
        match datagram {
            Datagram::Whole { run, number, resource, word } => {
                self.heard[*resource] = Some(*word);
                self.receiver.heard(*resource, Some(*run), *number, *word);
                Vec::new()
            }
            Datagram::Batch(bytes) => {
                let Ok(PeerDatagram::Batch(batch)) = PeerDatagram::parse(bytes, true) else {
                    panic!("a batch")
                };
                let run = batch.run.expect("its run").own;
                let mut unknown = Vec::new();
                for number in batch.says.iter() {
                    match self.receiver.meaning(run, number) {
                        Some((resource, word)) => {
                            assert_eq!(self.meant[&(run, number)], (resource, *word), "another name or word");
                            self.heard[resource] = Some(*word);
                        }
                        None => unknown.push(number),
                    }
                }
                unknown
            }
        }
    }

    fn explain(&mut self, unknown: &[u64]) -> Vec<Datagram> {
        let resources = self.sender.unknown(&Numbers::of(unknown));
        let said = self.said;
        resources
            .into_iter()
            .filter_map(|resource| Some(self.whole(resource, said[resource]?, true)))
            .collect()
    }
}
