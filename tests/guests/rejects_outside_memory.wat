;; Its rejects lie outside its memory.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32))
  (func $after (param $reply i32)
    (i32.store offset=28 (local.get $reply) (i32.const 16))
    (i32.store offset=32 (local.get $reply) (i32.const 2147483647)))
)
