;; Names a product with a line break.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32))
  (func $after (param $reply i32)
    (i32.store8 (i32.const 74) (i32.const 10)))
)
