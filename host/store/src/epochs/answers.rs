//! The table of answers: written with the step that collected them, and never changed.

use platform_domain::{Digest, EpochId, RawWeight, Slug};
use rusqlite::{Connection, Row, named_params};

use super::{integer, key};
use crate::{
    StoreError,
    answer::{Answer, Source},
    columns::{Columns, json},
    epoch::{EpochKey, EpochRow},
};

/// Found by the index `epoch_answers_good`, whose condition these are the words of.
pub(super) const GOOD: &str = "SELECT * FROM epoch_answers INDEXED BY epoch_answers_good WHERE genesis = :genesis \
     AND netuid = :netuid AND mechanism = :mechanism AND numbering = :numbering AND slug = :slug \
     AND epoch BETWEEN :oldest AND :epoch AND source = 'live' AND reason IS NULL ORDER BY epoch DESC, seq DESC LIMIT 1";
/// Found by the primary key.
pub(super) const COLLECTED: &str = "SELECT * FROM epoch_answers WHERE genesis = :genesis AND netuid = :netuid \
     AND mechanism = :mechanism AND numbering = :numbering AND epoch = :epoch AND seq = (SELECT max(seq) \
     FROM epoch_answers WHERE genesis = :genesis AND netuid = :netuid AND mechanism = :mechanism \
     AND numbering = :numbering AND epoch = :epoch) ORDER BY slug, place";

/// Keeps what was answered, with the step that `row` has just taken.
pub(super) fn put(connection: &Connection, row: &EpochRow, answers: &[Answer]) -> Result<(), StoreError> {
    let insert = "INSERT INTO epoch_answers (genesis, netuid, mechanism, numbering, epoch, seq, slug, place, source, \
                  component, state_digest, emission_percent, weights, reason) VALUES (:genesis, :netuid, :mechanism, \
                  :numbering, :epoch, :seq, :slug, :place, :source, :component, :state_digest, :emission_percent, \
                  :weights, :reason)";
    let mut insert = connection.prepare_cached(insert)?;
    let key = key(&row.key())?;
    let seq = integer("seq", row.step)?;
    let (mut of, mut place) = (None, 0_i64);
    for answer in answers {
        let Answer {
            slug,
            source,
            component,
            state,
            emission_percent,
            weights,
            refused,
        } = answer;
        place = if of == Some(slug) {
            place.saturating_add(1)
        } else {
            0
        };
        of = Some(slug);
        let weights = weights.as_ref();
        let weights = weights.map(|weights| weights.iter().map(RawWeight::to_texts).collect::<Vec<_>>());
        insert.execute(named_params! {
            ":genesis": key.genesis,
            ":netuid": key.netuid,
            ":mechanism": key.mechanism,
            ":numbering": key.numbering,
            ":epoch": key.epoch,
            ":seq": seq,
            ":slug": slug.as_str(),
            ":place": place,
            ":source": source.to_string(),
            ":component": component.map(|digest| digest.to_string()),
            ":state_digest": state.map(|digest| digest.to_string()),
            ":emission_percent": emission_percent.to_string(),
            ":weights": weights.map(|pairs| json("weights", &pairs)).transpose()?,
            ":reason": refused,
        })?;
    }
    Ok(())
}

/// What an epoch's newest collection brought, in the order of the slugs and for each of them in that of asking.
pub fn collected(connection: &Connection, epoch: &EpochKey) -> Result<Vec<Answer>, StoreError> {
    let mut statement = connection.prepare_cached(COLLECTED)?;
    let key = key(epoch)?;
    let mut rows = statement.query(key.named().as_slice())?;
    let mut answers = Vec::new();
    while let Some(row) = rows.next()? {
        answers.push(read(row)?);
    }
    Ok(answers)
}

/// The newest answer of a challenge's own that counted, at most `back` epochs before this one, and its epoch. Numbers of
/// another numbering are not looked at.
pub fn last_good(
    connection: &Connection,
    epoch: &EpochKey,
    slug: &Slug,
    back: u64,
) -> Result<Option<(EpochId, Answer)>, StoreError> {
    let mut statement = connection.prepare_cached(GOOD)?;
    let key = key(epoch)?;
    let mut rows = statement.query(named_params! {
        ":genesis": key.genesis,
        ":netuid": key.netuid,
        ":mechanism": key.mechanism,
        ":numbering": key.numbering,
        ":slug": slug.as_str(),
        ":oldest": integer("epoch", epoch.epoch.0.saturating_sub(back))?,
        ":epoch": key.epoch,
    })?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let number: i64 = row.get("epoch")?;
    let number = u64::try_from(number).map_err(|source| StoreError::Value {
        column: "epoch",
        source: source.into(),
    })?;
    Ok(Some((EpochId(number), read(row)?)))
}

fn read(row: &Row<'_>) -> Result<Answer, StoreError> {
    let slug: String = row.get("slug")?;
    let columns = Columns {
        table: "epoch answer",
        key: &slug,
        row,
    };
    let weights = match columns.optional_json::<Vec<(String, String)>>("weights")? {
        Some(pairs) => Some(
            pairs
                .into_iter()
                .map(|(hotkey, score)| match score.parse() {
                    Ok(score) => Ok(RawWeight { hotkey, score }),
                    Err(source) => Err(columns.error("weights", source)),
                })
                .collect::<Result<_, _>>()?,
        ),
        None => None,
    };
    Ok(Answer {
        slug: columns.text("slug")?,
        source: columns.text::<Source>("source")?,
        component: columns.optional_text::<Digest>("component")?,
        state: columns.optional_text::<Digest>("state_digest")?,
        emission_percent: columns.text("emission_percent")?,
        weights,
        refused: columns.get("reason")?,
    })
}
