//! Sorts lists. The library's sorts are faster on long lists, but each kind of list that is
//! sorted would bring 6 to 9 KB of them into the guest, and few are sorted for each record.

/// Sorts by what stands before what. Lists may be long and hostile, so this is a heapsort, which
/// takes `n log n` steps at most. It is not stable.
#[inline(never)]
pub(crate) fn sort_by<T>(items: &mut [T], before: impl Fn(&T, &T) -> bool) {
    let len = items.len();
    // First a heap is made from its leaves up, then the greatest is taken from it again and again.
    for step in (0..len + len / 2).rev() {
        let (mut at, end) = match step.checked_sub(len) {
            Some(at) => (at, len),
            None => {
                items.swap(0, step);
                (0, step)
            }
        };
        loop {
            let mut child = 2 * at + 1;
            if child >= end {
                break;
            }
            if child + 1 < end && before(&items[child], &items[child + 1]) {
                child += 1;
            }
            if !before(&items[at], &items[child]) {
                break;
            }
            items.swap(at, child);
            at = child;
        }
    }
}

/// Sorts what can be compared by itself.
pub(crate) fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, |a, b| a < b);
}

/// The numbers of those items that are the last of their name, in their order.
pub(crate) fn last_of_each<'a>(len: usize, name: &dyn Fn(usize) -> &'a str) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    sort_by(&mut order, |&a, &b| (name(a), b) < (name(b), a));
    order.dedup_by(|later, first| name(*later) == name(*first));
    sort(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_are_sorted(mut list in prop::collection::vec(0u8..20, 0..60)) {
            let mut want = list.clone();
            want.sort_unstable();
            sort(&mut list);
            prop_assert_eq!(list, want);
        }

        #[test]
        fn the_last_of_each_name_is_found(names in prop::collection::vec("[a-d]", 0..20)) {
            let is_last = |&i: &usize| !names[i + 1..].contains(&names[i]);
            let want: Vec<usize> = (0..names.len()).filter(is_last).collect();
            prop_assert_eq!(last_of_each(names.len(), &|i| &names[i]), want);
        }
    }
}
