;; Grows without end on one record.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32)
    (if (i32.eq (local.get $length) (i32.const 8))
      (then
        (loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
        unreachable)))
  (func $after (param $reply i32))
)
