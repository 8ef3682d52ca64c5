;; Its tallies are of other records.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32))
  (func $after (param $reply i32)
    (i32.store (i32.const 64) (i32.const 123456)))
)
