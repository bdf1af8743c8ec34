;; The products of matrices, two columns per 128-bit register. After editing: npm run kernels
;;
;; Every sum runs over the inner index in ascending order, one multiplication and one addition at a time, each
;; rounded to 64 bits: exactly what the JavaScript kernels do, so both give the same bits. Relaxed instructions
;; would fuse the two on some machines and are not used.
;;
;; A packed factor holds its vectors four at a time, as doubles: number 0 of each of the four, then number 1 of
;; each, and so on; then the next four vectors. All counts below are positive; all distances are in bytes.
(module
  ;; Divided up by simd-program.ts. It never grows: that would detach the arrays that look into it.
  (memory (export "memory") 16 16)

  ;; Pack 4 * $tiles vectors of $inner floats, their numbers $next apart and each vector $step after the one before.
  (func (export "pack")
    (param $from i32) (param $step i32) (param $next i32) (param $inner i32) (param $tiles i32) (param $to i32)
    (local $from0 i32) (local $from1 i32) (local $from2 i32) (local $from3 i32) (local $end i32)
    (loop $nextTile
      (local.set $from0 (local.get $from))
      (local.set $from1 (i32.add (local.get $from0) (local.get $step)))
      (local.set $from2 (i32.add (local.get $from1) (local.get $step)))
      (local.set $from3 (i32.add (local.get $from2) (local.get $step)))
      (local.set $from (i32.add (local.get $from3) (local.get $step)))
      (local.set $end (i32.add (local.get $to) (i32.mul (local.get $inner) (i32.const 32))))
      (loop $nextInner
        (f64.store (local.get $to) (f64.promote_f32 (f32.load (local.get $from0))))
        (f64.store offset=8 (local.get $to) (f64.promote_f32 (f32.load (local.get $from1))))
        (f64.store offset=16 (local.get $to) (f64.promote_f32 (f32.load (local.get $from2))))
        (f64.store offset=24 (local.get $to) (f64.promote_f32 (f32.load (local.get $from3))))
        (local.set $from0 (i32.add (local.get $from0) (local.get $next)))
        (local.set $from1 (i32.add (local.get $from1) (local.get $next)))
        (local.set $from2 (i32.add (local.get $from2) (local.get $next)))
        (local.set $from3 (i32.add (local.get $from3) (local.get $next)))
        (local.set $to (i32.add (local.get $to) (i32.const 32)))
        (br_if $nextInner (i32.lt_u (local.get $to) (local.get $end))))
      (br_if $nextTile (local.tee $tiles (i32.sub (local.get $tiles) (i32.const 1))))))

  ;; Multiply the packed factors at $lefts and $rights, of 4 * $rowTiles and 4 * $columnTiles vectors. Row r of the
  ;; product goes to $out + r * $outStride: as doubles if $doubles is 1, rounded to 32 bits if it is 0.
  (func (export "multiply")
    (param $lefts i32) (param $rights i32) (param $inner i32) (param $rowTiles i32) (param $columnTiles i32)
    (param $out i32) (param $outStride i32) (param $doubles i32)
    (local $left i32) (local $right i32) (local $rightEnd i32) (local $row i32) (local $rowsLeft i32)
    (local $a0 v128) (local $a1 v128) (local $a2 v128) (local $a3 v128) (local $b01 v128) (local $b23 v128)
    ;; A tile: $sRC are the sums of row R, columns C and C + 1. With their factors they fit sixteen registers.
    (local $s00 v128) (local $s02 v128) (local $s10 v128) (local $s12 v128)
    (local $s20 v128) (local $s22 v128) (local $s30 v128) (local $s32 v128)
    (loop $nextColumns
      (local.set $left (local.get $lefts))
      (local.set $rightEnd (i32.add (local.get $rights) (i32.mul (local.get $inner) (i32.const 32))))
      (local.set $row (local.get $out))
      (local.set $rowsLeft (local.get $rowTiles))
      (loop $nextRows
        (local.set $s00 (v128.const i64x2 0 0))
        (local.set $s02 (v128.const i64x2 0 0))
        (local.set $s10 (v128.const i64x2 0 0))
        (local.set $s12 (v128.const i64x2 0 0))
        (local.set $s20 (v128.const i64x2 0 0))
        (local.set $s22 (v128.const i64x2 0 0))
        (local.set $s30 (v128.const i64x2 0 0))
        (local.set $s32 (v128.const i64x2 0 0))
        (local.set $right (local.get $rights))
        (loop $nextInner
          (local.set $b01 (v128.load (local.get $right)))
          (local.set $b23 (v128.load offset=16 (local.get $right)))
          (local.set $a0 (v128.load64_splat (local.get $left)))
          (local.set $s00 (f64x2.add (local.get $s00) (f64x2.mul (local.get $a0) (local.get $b01))))
          (local.set $s02 (f64x2.add (local.get $s02) (f64x2.mul (local.get $a0) (local.get $b23))))
          (local.set $a1 (v128.load64_splat offset=8 (local.get $left)))
          (local.set $s10 (f64x2.add (local.get $s10) (f64x2.mul (local.get $a1) (local.get $b01))))
          (local.set $s12 (f64x2.add (local.get $s12) (f64x2.mul (local.get $a1) (local.get $b23))))
          (local.set $a2 (v128.load64_splat offset=16 (local.get $left)))
          (local.set $s20 (f64x2.add (local.get $s20) (f64x2.mul (local.get $a2) (local.get $b01))))
          (local.set $s22 (f64x2.add (local.get $s22) (f64x2.mul (local.get $a2) (local.get $b23))))
          (local.set $a3 (v128.load64_splat offset=24 (local.get $left)))
          (local.set $s30 (f64x2.add (local.get $s30) (f64x2.mul (local.get $a3) (local.get $b01))))
          (local.set $s32 (f64x2.add (local.get $s32) (f64x2.mul (local.get $a3) (local.get $b23))))
          (local.set $left (i32.add (local.get $left) (i32.const 32)))
          (local.set $right (i32.add (local.get $right) (i32.const 32)))
          (br_if $nextInner (i32.lt_u (local.get $right) (local.get $rightEnd))))
        (if (local.get $doubles)
          (then
            (v128.store (local.get $row) (local.get $s00))
            (v128.store offset=16 (local.get $row) (local.get $s02))
            (local.set $row (i32.add (local.get $row) (local.get $outStride)))
            (v128.store (local.get $row) (local.get $s10))
            (v128.store offset=16 (local.get $row) (local.get $s12))
            (local.set $row (i32.add (local.get $row) (local.get $outStride)))
            (v128.store (local.get $row) (local.get $s20))
            (v128.store offset=16 (local.get $row) (local.get $s22))
            (local.set $row (i32.add (local.get $row) (local.get $outStride)))
            (v128.store (local.get $row) (local.get $s30))
            (v128.store offset=16 (local.get $row) (local.get $s32))
            (local.set $row (i32.add (local.get $row) (local.get $outStride))))
          (else
            (v128.store (local.get $row)
              (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
                (f32x4.demote_f64x2_zero (local.get $s00)) (f32x4.demote_f64x2_zero (local.get $s02))))
            (local.set $row (i32.add (local.get $row) (local.get $outStride)))
            (v128.store (local.get $row)
              (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
                (f32x4.demote_f64x2_zero (local.get $s10)) (f32x4.demote_f64x2_zero (local.get $s12))))
            (local.set $row (i32.add (local.get $row) (local.get $outStride)))
            (v128.store (local.get $row)
              (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
                (f32x4.demote_f64x2_zero (local.get $s20)) (f32x4.demote_f64x2_zero (local.get $s22))))
            (local.set $row (i32.add (local.get $row) (local.get $outStride)))
            (v128.store (local.get $row)
              (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
                (f32x4.demote_f64x2_zero (local.get $s30)) (f32x4.demote_f64x2_zero (local.get $s32))))
            (local.set $row (i32.add (local.get $row) (local.get $outStride)))))
        (br_if $nextRows (local.tee $rowsLeft (i32.sub (local.get $rowsLeft) (i32.const 1)))))
      (local.set $rights (local.get $rightEnd))
      (local.set $out (i32.add (local.get $out) (i32.shl (i32.const 16) (local.get $doubles))))
      (br_if $nextColumns (local.tee $columnTiles (i32.sub (local.get $columnTiles) (i32.const 1)))))))
