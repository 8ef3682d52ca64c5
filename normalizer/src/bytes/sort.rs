//! Sorts lists. The library's sorts are faster on long lists, but each kind of list that is
//! sorted would bring 6 to 9 KB of them into the guest, and few are sorted for each record.

/// Sorts by what stands before what. Lists may be long and hostile, so this is a heapsort, which
/// takes `n log n` steps at most. It is not stable.
pub(crate) fn sort_by<T>(items: &mut [T], before: impl Fn(&T, &T) -> bool) {
    heapsort(items.len(), &mut Items { items, before });
}

/// What a sort does with a list, whatever is in it.
trait Sorted {
    fn is_before(&self, a: usize, b: usize) -> bool;
    fn swap(&mut self, a: usize, b: usize);
}

struct Items<'l, T, F> {
    items: &'l mut [T],
    before: F,
}

impl<T, F: Fn(&T, &T) -> bool> Sorted for Items<'_, T, F> {
    fn is_before(&self, a: usize, b: usize) -> bool {
        (self.before)(&self.items[a], &self.items[b])
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.items.swap(a, b);
    }
}

#[inline(never)]
fn heapsort(len: usize, list: &mut dyn Sorted) {
    // First a heap is made from its leaves up, then the greatest is taken from it again and again.
    for step in (0..len + len / 2).rev() {
        let (mut at, end) = match step.checked_sub(len) {
            Some(at) => (at, len),
            None => {
                list.swap(0, step);
                (0, step)
            }
        };
        loop {
            let mut child = 2 * at + 1;
            if child >= end {
                break;
            }
            if child + 1 < end && list.is_before(child, child + 1) {
                child += 1;
            }
            if !list.is_before(at, child) {
                break;
            }
            list.swap(at, child);
            at = child;
        }
    }
}

/// Sorts what can be compared by itself.
pub(crate) fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, |a, b| a < b);
}

/// Whether each item of a few has a name of its own; false where they are many, and nobody looks.
pub(crate) fn few_and_each_once<'a>(len: usize, name: &dyn Fn(usize) -> &'a str) -> bool {
    len <= 16 && !(0..len).any(|i| (0..i).any(|j| name(i) == name(j)))
}

/// The numbers of those items that are the last of their name, in their order.
pub(crate) fn last_of_each<'a>(len: usize, name: &dyn Fn(usize) -> &'a str) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    if few_and_each_once(len, name) {
        return order;
    }
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
