// SPDX-License-Identifier: Apache-2.0
// See the header. Without PHP's headers it knows of none.
#include "php_layout.h"

#if __has_include(<main/php.h>)

#include <main/php.h>

const PhpLayout kPhpLayout = {"Zend Engine v" ZEND_VERSION, sizeof(zend_executor_globals),
                              offsetof(zend_executor_globals, exit_status)};

#else

const PhpLayout kPhpLayout = {"", 0, 0};

#endif
