#!/usr/bin/env bash
# Makes the pictures of this folder again, with ImageMagick.
set -euo pipefail
cd "$(dirname "$0")"

# Red, green, blue, white above black, grey, yellow and a mixture.
cat >colours.txt <<'END'
P3 4 2 255
255 0 0    0 255 0      0 0 255    255 255 255
0 0 0      128 128 128  255 255 0  10 20 30
END
flags=(-strip -define png:exclude-chunks=date,time,gAMA,cHRM)
convert ppm:colours.txt "${flags[@]}" -define png:color-type=2 -depth 8 colours.png
convert ppm:colours.txt "${flags[@]}" -define png:color-type=2 -define png:bit-depth=16 deep.png
convert ppm:colours.txt "${flags[@]}" -define png:color-type=3 palette.png
convert ppm:colours.txt "${flags[@]}" -interlace PNG -define png:color-type=2 -depth 8 interlaced.png
convert ppm:colours.txt -depth 8 colours.ppm
convert ppm:colours.txt -depth 16 deep.ppm
rm colours.txt

# Grey steps, and a row that is transparent, half transparent and opaque black.
convert -size 1x1 xc:'gray(0)' xc:'gray(100)' xc:'gray(255)' +append "${flags[@]}" \
  -define png:color-type=0 -depth 8 grey.png
convert -size 1x1 xc:'rgba(0,0,0,0)' xc:'rgba(255,0,0,1)' xc:'rgba(0,0,0,1)' +append "${flags[@]}" \
  -define png:color-type=6 -depth 8 alpha.png

# Left red, right blue, in three kinds of JPEG; and two greys.
halves=(-size 16x16 xc:'rgb(255,0,0)' xc:'rgb(0,0,255)' +append -strip -quality 95)
convert "${halves[@]}" halves.jpg
convert "${halves[@]}" -interlace JPEG progressive.jpeg
convert "${halves[@]}" -colorspace CMYK cmyk.jpg
convert -size 16x16 xc:'gray(40)' xc:'gray(200)' +append -strip -quality 95 -colorspace Gray grey.jpg
