//! The socket filter: the kernel tells this host from the wire (A2).
//!
//! A source address proves nothing: over IPv6 a neighbour can send with one of our own, and any user of this host with any
//! address (`IPV6_FREEBIND`). The device of its arrival does prove something: all that this host sends to itself comes in by the
//! loopback device, and nothing else does. So the filter lets through datagrams of that device, and those of admitted addresses
//! that came by another one. Of a stranger's datagram it leaves the UDP header alone. The daemon sees an empty datagram, enough
//! to name the sender, and nothing to act on.

use std::net::IpAddr;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_MEM, BPF_RET, BPF_ST, BPF_W, SKF_AD_HATYPE,
    SKF_AD_OFF, SKF_AD_RANDOM, SKF_NET_OFF,
};
use socket2::SockFilter;

use super::Strangers;

/// The whole datagram.
const ALL: u32 = u32::MAX;
/// The UDP header, without what was said.
const HEADER: u32 = 8;
const NOTHING: u32 = 0;
/// One in a thousand of all 32-bit numbers is smaller.
const ONE_IN_A_THOUSAND: u32 = u32::MAX / 1000;

/// The program for a socket of the family of `admitted`; addresses of the other family never come in there.
pub fn program(is_ipv6: bool, admitted: &[IpAddr], strangers: Strangers) -> Vec<SockFilter> {
    let mut program = Vec::new();
    // The source address is read once: each read is a call in the kernel, and its size counts (`net.core.optmem_max`).
    let (source, words) = if is_ipv6 { (8, 4) } else { (12, 1) };
    for (offset, word) in (SKF_NET_OFF + source..).step_by(4).zip(0..words) {
        load(&mut program, offset);
        program.push(instruction(BPF_ST, word, 0, 0));
    }
    for address in admitted {
        let is_local = address.is_loopback();
        match (is_ipv6, address) {
            (false, IpAddr::V4(address)) => admit(&mut program, &[address.to_bits()], is_local),
            (true, IpAddr::V6(address)) => {
                let words = address.octets();
                let words = words.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
                admit(&mut program, &words.collect::<Vec<_>>(), is_local);
            }
            (true, IpAddr::V4(_)) | (false, IpAddr::V6(_)) => {}
        }
    }
    load(&mut program, SKF_AD_OFF + SKF_AD_HATYPE);
    program.push(unless_equal(libc::ARPHRD_LOOPBACK.into(), 1));
    program.push(keep(ALL));
    if strangers == Strangers::Sampled {
        load(&mut program, SKF_AD_OFF + SKF_AD_RANDOM);
        program.push(instruction(BPF_JMP | BPF_JGE | BPF_K, ONE_IN_A_THOUSAND, 0, 1));
        program.push(keep(NOTHING));
    }
    program.push(keep(HEADER));
    program
}

/// Keeps the datagram whole if its source address has these words and, unless that is an address of this host, it came by
/// another device than loopback.
fn admit(program: &mut Vec<SockFilter>, words: &[u32], is_local: bool) {
    let end = if is_local { 1 } else { 4 };
    let mut left = u8::try_from(2 * words.len() + end - 1).unwrap_or(u8::MAX);
    for (index, word) in (0..).zip(words) {
        program.push(instruction(BPF_LD | BPF_MEM, index, 0, 0));
        left -= 1;
        program.push(unless_equal(*word, left));
        left -= 1;
    }
    if !is_local {
        load(program, SKF_AD_OFF + SKF_AD_HATYPE);
        program.push(unless_equal(libc::ARPHRD_LOOPBACK.into(), 1));
        program.push(keep(HEADER));
    }
    program.push(keep(ALL));
}

/// Loads a word of the packet; the kernel's extensions lie at negative offsets.
fn load(program: &mut Vec<SockFilter>, offset: i32) {
    program.push(instruction(BPF_LD | BPF_W | BPF_ABS, offset.cast_unsigned(), 0, 0));
}

/// Skips this many instructions unless the word is `value`.
fn unless_equal(value: u32, skip: u8) -> SockFilter {
    instruction(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
}

fn keep(bytes: u32) -> SockFilter {
    instruction(BPF_RET | BPF_K, bytes, 0, 0)
}

fn instruction(code: u32, k: u32, if_true: u8, if_false: u8) -> SockFilter {
    // Every code of classic BPF fits.
    SockFilter::new(u16::try_from(code).unwrap_or_default(), if_true, if_false, k)
}
