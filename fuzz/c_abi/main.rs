//! Any calls of the C functions in any order, with NULL, freed and wild handles, odd texts and numbers. Each call
//! answers as the header promises, every report arrives, and nothing is left at the end.
//!
//! A caught panic is found too: libFuzzer's hook ends the process before it is caught. All datagrams go to a socket of
//! our own. Names that a resolver would have to be asked for are not among the addresses.
#![no_main]

mod application;
mod functions;
mod model;

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use libfuzzer_sys::fuzz_target;
// For its C functions.
use schrittmacherclient as _;

use application::{Sink, on_log, on_order, plain_order};
use functions::*;
use model::{Client, NULL, OK, Session, UTF8};

fuzz_target!(|input: &[u8]| {
    let sink = Sink::get();
    let first_free = sink.first_free_descriptor();
    let mut session = Session::default();
    let mut rest = input;
    while let Some((&[who, what, which, value], after)) = rest.split_first_chunk() {
        rest = after;
        let (text, after) = text(value, rest);
        rest = after;
        let handle = session.handle(who);
        call(&mut session, sink, Call { handle, slot: who, what, which, value, text });
    }
    session.free_all();
    sink.take();
    assert_eq!(sink.first_free_descriptor(), first_free, "a descriptor is left open");
});

/// One call: the client, the function, the arguments.
struct Call {
    handle: Handle,
    slot: u8,
    what: u8,
    which: u8,
    value: u8,
    text: Option<CString>,
}

/// A text of the input's own, a well-chosen one, or NULL.
fn text(value: u8, rest: &[u8]) -> (Option<CString>, &[u8]) {
    match rest.split_at_checked(8) {
        Some((text, rest)) if value >= 200 => {
            let text: Vec<u8> = text.iter().copied().take_while(|byte| *byte != 0).collect();
            (CString::new(text).ok(), rest)
        }
        _ => (model::text(value), rest),
    }
}

fn call(session: &mut Session, sink: &Sink, call: Call) {
    let Call { handle, which, value, .. } = call;
    let text = call.text.as_ref();
    let pointer = text.map_or(ptr::null(), |text| text.as_ptr());
    match call.what % 16 {
        0 => session.make(call.slot, sink.port()),
        1 => session.free(handle),
        2..=4 => act(session, sink, handle, pick(ACT, which)),
        5 | 6 => report(session, sink, handle, which, text),
        7 => set_text(session, sink, handle, which, text),
        8 => get_text(session, handle, which, value),
        9 | 10 => set_number(session, handle, which, number(which, value, sink.port())),
        11 => get_number(session, handle, which),
        12 => session.expect(handle, &[OK], || {
            // SAFETY: the functions live as long as the process; their contexts are numbers.
            unsafe {
                match value % 3 {
                    0 => pick(SET_ORDER, which).1(handle, None),
                    1 => pick(SET_ORDER, which).1(handle, Some(plain_order)),
                    _ => pick(SET_CALLBACK, which).1(
                        handle,
                        Some(on_order),
                        ptr::without_provenance_mut(value.into()),
                    ),
                }
            }
        }),
        13 => {
            // SAFETY: as above.
            session.expect(handle, &[OK], || unsafe { SET_LOG[0].1(handle, Some(on_log), ptr::null_mut()) });
        }
        14 => others(session, handle, which, value, pointer),
        _ => application::raise(value),
    }
    session.note_freed();
}

fn pick<T: Copy>(table: &[T], which: u8) -> T {
    table[usize::from(which) % table.len()]
}

fn act(
    session: &mut Session,
    sink: &Sink,
    handle: Handle,
    (name, function): (&str, unsafe extern "C" fn(Handle) -> c_int),
) {
    // SAFETY: any pointer may be given.
    let call = || unsafe { function(handle) };
    let expected = |client: &Client| match name {
        "schrittmacher_client_start" | "schrittmacher_client_start_polled" => client.may_fail_to_open(),
        "schrittmacher_client_dispatch" => client.dispatched(),
        "schrittmacher_client_stop"
        | "schrittmacher_client_signal_go_hot"
        | "schrittmacher_client_signal_go_standby" => vec![OK],
        "schrittmacher_client_install_signal_handlers" => {
            application::handlers_are_installed();
            vec![OK]
        }
        // Before the first report a heartbeat has nothing to say.
        "schrittmacher_client_do_heartbeat" => [vec![OK], client.sent()].concat(),
        _ => client.sent(),
    };
    sink.take();
    let status = session.expect_by(handle, expected, call);
    if let Some(client) = session.client(handle) {
        match name {
            "schrittmacher_client_start" => client.started(status, true),
            "schrittmacher_client_start_polled" => client.started(status, false),
            "schrittmacher_client_stop" => client.stopped(),
            _ => {}
        }
    }
}

const CODES: [&str; 6] = ["LSBY", "LHOT", "LFAI", "LUNK", "L2HT", "L2SB"];

fn report(session: &mut Session, sink: &Sink, handle: Handle, which: u8, text: Option<&CString>) {
    let pointer = text.map_or(ptr::null(), |text| text.as_ptr());
    let is_utf8 = text.is_none_or(|text| text.to_str().is_ok());
    sink.take();
    let expected = |client: &Client| if is_utf8 { client.sent() } else { vec![UTF8] };
    // SAFETY: NULL or a text that ends.
    let call = || unsafe { pick(REPORT, which).1(handle, pointer) };
    let status = session.expect_by(handle, expected, call);
    if session.client(handle).is_some_and(|client| status == OK && client.reports_to_sink()) {
        let code = pick(&CODES, which);
        // A switch that takes too long is a failure.
        let is_it = |status: &String| status == code || (code.starts_with("L2") && status == "LFAI");
        assert!(sink.take().iter().any(is_it), "{code} was sent, and has not arrived");
    }
}

fn set_text(session: &mut Session, sink: &Sink, handle: Handle, which: u8, text: Option<&CString>) {
    let at = usize::from(which) % SET_TEXT.len();
    let is_address = SET_TEXT[at].0.ends_with("address");
    let text = text.filter(|text| !is_address || model::is_safe_address(text));
    let pointer = text.map_or(ptr::null(), |text| text.as_ptr());
    sink.take();
    // SAFETY: NULL or a text that ends.
    let call = || unsafe { SET_TEXT[at].1(handle, pointer) };
    let status = session.expect_by(handle, |client| client.text_set(at, text), call);
    if let Some(client) = session.client(handle)
        && status == OK
        && let Some(kept) = client.texts.get_mut(at)
    {
        *kept = text.cloned();
    }
}

/// By the rule of snprintf: cut at a character, terminated, and not a byte beyond.
fn get_text(session: &mut Session, handle: Handle, which: u8, value: u8) {
    const UNTOUCHED: u8 = 0xAA;
    let at = usize::from(which) % GET_TEXT.len();
    let size = [0, 1, 2, 7, 300, 1500][usize::from(value) % 6];
    let mut buffer = [UNTOUCHED; 1600];
    let nowhere = value >= 128;
    let place = if nowhere { ptr::null_mut() } else { buffer.as_mut_ptr().cast::<c_char>() };
    let kept = session.client(handle).map(|client| client.texts[at].clone().unwrap_or_default());
    let expected = |_: &Client| match &kept {
        _ if nowhere && size > 0 => vec![NULL],
        kept => vec![kept.as_ref().map_or(0, |kept| c_int::try_from(kept.count_bytes()).expect("short"))],
    };
    // SAFETY: the buffer has that size, or the size is 0, or NULL is given and refused.
    session.expect_got(handle, false, expected, || unsafe { GET_TEXT[at].1(handle, place, size) });
    if let Some(kept) = kept
        && !nowhere
        && size > 0
    {
        let got = CStr::from_bytes_until_nul(&buffer).expect("terminated");
        assert!(
            got.to_str().is_ok() && got.count_bytes() < size && kept.to_bytes().starts_with(got.to_bytes())
        );
        assert!(got.count_bytes() + 4 >= size.min(kept.count_bytes()), "cut too short: {got:?} of {kept:?}");
        assert!(buffer[size..].iter().all(|byte| *byte == UNTOUCHED));
    }
}

/// A number near a border of what is allowed. The only port is that of our own socket.
fn number(which: u8, value: u8, port: u16) -> c_int {
    const NUMBERS: [c_int; 20] = [
        0,
        1,
        -1,
        4,
        5,
        6,
        9,
        10,
        101,
        103,
        204,
        206,
        10_000,
        10_001,
        65_535,
        65_536,
        c_int::MAX,
        c_int::MIN,
        libc::SIGUSR1,
        libc::SIGUSR2,
    ];
    let number = pick(&NUMBERS, value);
    if usize::from(which) % SET_NUMBER.len() == 0 && (1..65_536).contains(&number) {
        port.into()
    } else {
        number
    }
}

fn set_number(session: &mut Session, handle: Handle, which: u8, number: c_int) {
    let at = usize::from(which) % SET_NUMBER.len();
    // SAFETY: any pointer may be given.
    let call = || unsafe { SET_NUMBER[at].1(handle, number) };
    let status = session.expect_by(handle, |client| client.number_set(at, number), call);
    if let Some(client) = session.client(handle)
        && status == OK
    {
        client.note_number(at, number);
    }
}

fn get_number(session: &mut Session, handle: Handle, which: u8) {
    let (name, function) = pick(GET_NUMBER, which);
    let at = usize::from(which) % GET_NUMBER.len();
    let is_question = name.contains("_is_") || name.ends_with("_get_logging_enabled");
    // SAFETY: any pointer may be given.
    session.expect_got(
        handle,
        is_question,
        |client| client.number_got(at, name),
        || unsafe { function(handle) },
    );
}

fn others(session: &mut Session, handle: Handle, which: u8, value: u8, pointer: *const c_char) {
    let is_text = |text: *const c_char| {
        // SAFETY: the header says that it is never NULL, and static.
        !text.is_null() && unsafe { CStr::from_ptr(text) }.to_str().is_ok_and(|text| !text.is_empty())
    };
    match which % 5 {
        // SAFETY: any pointer may be given.
        0 => assert!(is_text(unsafe { pick(GET_STATIC, value).1(handle) })),
        1 => {
            let user_data = pointer.cast_mut().cast();
            // SAFETY: the pointer is kept and never followed.
            session.expect(handle, &[OK], || unsafe { SET_POINTER[0].1(handle, user_data) });
            // SAFETY: any pointer may be given.
            let got = unsafe { GET_POINTER[0].1(handle) };
            assert_eq!(got, if session.client(handle).is_some() { user_data } else { ptr::null_mut() });
        }
        // SAFETY: any number may be given.
        2 => assert!(is_text(unsafe { STRERROR[0].1(c_int::from(value) - 128) })),
        // SAFETY: nothing is given.
        3 => assert!(is_text(unsafe { VERSION[0].1() }) && unsafe { VERSION_NUMBER[0].1() } >= 30_000),
        _ => {
            // SAFETY: any pointer may be given.
            let func = unsafe { pick(GET_ORDER, value).1(handle) };
            assert!(func.is_none_or(|_| session.client(handle).is_some()));
        }
    }
}
