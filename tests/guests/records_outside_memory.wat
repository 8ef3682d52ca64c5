;; The end of its records overflows.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32))
  (func $after (param $reply i32)
    (i32.store offset=20 (local.get $reply) (i32.const -1))
    (i32.store offset=24 (local.get $reply) (i32.const -1)))
)
