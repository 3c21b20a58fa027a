// SPDX-License-Identifier: Apache-2.0
/*
 * php-cgi and php are held later than other programs: not at main(), which has all the work before it, but
 * when PHP has read its settings and started its extensions, with no request yet.
 */
#pragma once

#include "remuda_template.h"

/*
 * Whether this program is PHP. Then its main() is to be called with these words instead of `*words`, calls
 * `hold` when it is started, and goes on when that returns.
 */
int remuda_preload_hold_php(remuda_template* self, void (*hold)(remuda_template*), int* count, char*** words);
