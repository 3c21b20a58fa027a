#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A line every half second. Each is sent when it is written: watch it with curl -N.
printf 'Content-Type: text/plain; charset=utf-8\nCache-Control: no-store\n\n'
for horse in Bay Chestnut Dun Grulla Palomino Roan Sorrel; do
  printf '%s is saddled.\n' "$horse"
  sleep 0.5
done
printf 'Nobody waits.\n'
