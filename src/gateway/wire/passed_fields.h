// SPDX-License-Identifier: Apache-2.0
//
// Which of a request's fields an application is shown, whatever its wire. Not those that are framing or of
// the connection, nor what a Connection field names, nor those that a proxy answers; and no name with
// anything but letters, digits and "-": "X_A" and "X.A" would be mistaken for "X-A" where names become
// variables. Pure.
#pragma once

#include <string_view>

#include "http/fields.h"

namespace remuda::gateway::wire {

bool is_passed(const http::Fields& fields, const http::Field& field);

// Whether one of `variables`, "NAME=value\0" one after the other, stands in the place of this field: HTTP_X_A
// in that of X-A.
bool is_overruled(std::string_view variables, const http::Field& field);

}  // namespace remuda::gateway::wire
