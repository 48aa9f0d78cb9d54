//! What a configuration has to do with the witness: files that cannot be used, and the answer that `--check` shows.

use schrittmacher_config::{LoadError, Loaded};

/// A configuration that this program can use.
///
/// # Errors
///
/// The files of the witness are wrong, or there is a witness and this program was built without the feature.
#[cfg(feature = "witness")]
pub fn usable(loaded: Loaded) -> Result<Loaded, LoadError> {
    let tls = loaded.config.core.witness.as_ref().and_then(|witness| witness.tls.as_ref());
    let wrong = tls.and_then(|tls| super::tls::connector(tls).err());
    loaded.refuse_witness(wrong.into_iter().collect())
}

#[cfg(not(feature = "witness"))]
pub fn usable(loaded: Loaded) -> Result<Loaded, LoadError> {
    loaded.without_witness()
}

/// Adds what the witness answers, for `--check`. The file may be meant for later, so that its silence is no error.
#[cfg(not(feature = "witness"))]
pub fn ask(loaded: Loaded) -> Loaded {
    loaded
}

#[cfg(feature = "witness")]
pub fn ask(mut loaded: Loaded) -> Loaded {
    use schrittmacher_config::{PolicyWord, WitnessNote};

    use super::{look_patience, pace, votes::Votes};
    use crate::event_loop::clock;

    let config = &loaded.config;
    let Some(settings) = &config.core.witness else { return loaded };
    let consistent = config.resources.iter().filter(|resource| resource.policy == PolicyWord::Consistent);
    let promises = consistent.map(|resource| resource.promise);
    let (shortest, longest) = (promises.clone().min(), promises.max().unwrap_or_default());
    let patience = look_patience(longest);
    let answer = Votes::new(&config.core, settings, super::NewSettings::default())
        .map_err(|error| error.to_string())
        .and_then(|mut votes| {
            let asked = clock::now();
            let answer = votes.first_answer(asked + patience).map_err(|error| error.to_string());
            answer.map(|_| clock::now().since(asked))
        });
    let note = match answer {
        Err(why) => Some((
            format!("it does not answer within {}: {why}", schrittmacher_text::span(patience)),
            "start it, or correct what is wrong; without it one host alone cannot serve".to_owned(),
        )),
        Ok(took) => shortest.filter(|promise| pace::is_slow(took, *promise)).map(|promise| {
            let limit = schrittmacher_text::span(pace::limit(promise));
            let took = schrittmacher_text::span(took);
            (
                format!("it took {took} to connect and answer, and a question has {limit}"),
                "a longer `promise`, or a faster etcd".to_owned(),
            )
        }),
    };
    let note = note.map(|(message, hint)| WitnessNote { key: "witness", message, hint });
    loaded.note_witness(note.into_iter().collect());
    loaded
}
