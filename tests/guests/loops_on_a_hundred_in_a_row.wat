;; Does not come to an end on the records r040000 to r040099, which stand one after another.
(module
  (; honest.inc ;)
  (func $before (param $index i32) (param $address i32) (param $length i32)
    (if (i32.eq (i32.load offset=1 align=1 (local.get $address)) (i32.const 0x30303430))
      (then (loop (br 0)))))
  (func $after (param $reply i32))
)
