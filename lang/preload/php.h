// SPDX-License-Identifier: Apache-2.0
/*
 * php-cgi and php are held later than other programs: not at main(), which has all the work before it, but
 * when PHP has read its settings and started its extensions, with no request yet.
 */
#pragma once

/*
 * Whether this program is PHP. Then its main() is to be called with these words instead of `*words`, calls
 * `hold` when it is started, and goes on when that returns. `why_not`: it is no template; else NULL.
 */
int remuda_preload_hold_php(void (*hold)(const char* why_not), int* count, char*** words);

/* Calls `watch` with each file of settings that PHP has read. */
void remuda_preload_php_settings(void (*watch)(const char* path));
