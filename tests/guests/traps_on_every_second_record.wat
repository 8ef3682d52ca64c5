;; Traps on records whose number is odd: the seventh byte of their line is a digit.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32)
    (if (i32.and (i32.load8_u offset=6 (local.get $address)) (i32.const 1)) (then unreachable)))
  (func $after (param $reply i32))
)
