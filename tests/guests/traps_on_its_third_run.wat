;; Does one element a run and traps on the third run, whatever it is given.
(module
  (; honest.inc ;)
  (global $runs (mut i32) (i32.const 0))
  (func $before (param $index i32) (param $address i32) (param $length i32))
  (func $after (param $reply i32)
    (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
    (if (i32.eq (global.get $runs) (i32.const 3)) (then unreachable))
    ;; One element is what it would have done: next, normalized, the bytes, the tally.
    (i32.store (i32.const 16)
      (i32.add (i32.const 1) (i32.sub (i32.load (i32.const 16)) (i32.load (i32.const 20)))))
    (i32.store (i32.const 20) (i32.const 1))
    (i32.store (i32.const 40) (i32.const 3))
    (i32.store (i32.const 64) (i32.const 1)))
)
