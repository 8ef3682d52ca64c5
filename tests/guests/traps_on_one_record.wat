;; Traps on one record.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32)
    (if (i32.eq (local.get $length) (i32.const 8)) (then unreachable)))
  (func $after (param $reply i32))
)
