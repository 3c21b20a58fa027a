# SPDX-License-Identifier: Apache-2.0
# The applications of Plack's own suite, behind its validator.
use strict;
use warnings;

use Plack::Middleware::Lint;
use Plack::Test::Suite;

Plack::Middleware::Lint->wrap(Plack::Test::Suite->test_app_handler);
