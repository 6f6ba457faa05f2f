//! Listings that the host answers page by page.

use std::iter;

/// All entries of a listing, of which `next` gives those after the last one that it gave. It ends with an empty page, or
/// after an error.
pub(crate) fn pages<T: Clone, E>(
    mut next: impl FnMut(Option<&T>) -> Result<Vec<T>, E>,
) -> impl Iterator<Item = Result<T, E>> {
    let (mut page, mut last, mut ended) = (Vec::new().into_iter(), None, false);
    iter::from_fn(move || {
        if page.len() == 0 && !ended {
            let entries = next(last.as_ref());
            ended = entries.as_ref().map_or(true, Vec::is_empty);
            match entries {
                Ok(entries) => {
                    last = entries.last().cloned();
                    page = entries.into_iter();
                }
                Err(error) => return Some(Err(error)),
            }
        }
        page.next().map(Ok)
    })
}

#[cfg(test)]
mod tests {
    use super::pages;

    #[test]
    fn it_ends_with_an_empty_page_or_after_an_error() {
        for (broken, expected) in [
            (9, vec![Ok(0), Ok(1), Ok(2), Ok(3)]),
            (2, vec![Ok(0), Ok(1), Err(2)]),
            (0, vec![Err(0)]),
        ] {
            let page = |last: Option<&u8>| match last.map_or(0, |last| last + 1) {
                from if from == broken => Err(from),
                from => Ok((from..4).take(2).collect()),
            };
            let all: Vec<_> = pages(page).collect();
            assert_eq!(all, expected, "{broken}");
        }
    }
}
