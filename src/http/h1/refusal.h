// SPDX-License-Identifier: Apache-2.0
//
// Refusal: why the codec does not take the bytes that it was given. A value of two words, no owner.
#pragma once

namespace remuda::http::h1 {

struct Refusal {
  int status = 0;        // the response that says so: 400, 413, 414, 417, 431, 501, 505; 0: not refused
  const char* why = "";  // static text for the log: "a line ends in LF without CR"

  explicit operator bool() const { return status != 0; }
};

}  // namespace remuda::http::h1
