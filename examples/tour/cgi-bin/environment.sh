#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The CGI environment as a page, with nothing but a shell and what every Debian has.
printf 'Content-Type: text/html; charset=utf-8\n\n'
cat <<'PAGE'
<!doctype html><html lang="en"><meta charset="utf-8"><title>The CGI environment, in shell</title>
<link rel="stylesheet" href="/tour.css"><main><h2>The CGI environment, in shell</h2>
<p>All that this program was told, as environment variables (RFC 3875):</p><pre>
PAGE
env | sort | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'
printf '</pre><p>Process %d. <a href="/">Back to the tour</a></p></main></html>\n' $$
