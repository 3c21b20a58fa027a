// SPDX-License-Identifier: Apache-2.0
//
// Accept (RFC 9110 section 12.5.1): in which of three forms the server's own pages are wanted. Pure.
#pragma once

#include "http/fields.h"

namespace remuda::content {

enum class PageForm : uint8_t { kText, kHtml, kJson, kProblemJson };

// The form with the largest weight; of equal ones the one that is named most exactly, then in the order of
// PageForm: a client that takes anything (curl) reads text, a browser gets HTML. kText if none is acceptable.
PageForm wanted_form(const http::Fields& request);

}  // namespace remuda::content
