// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: a value or an Error. Errors of the data plane are values (principle 11); nothing in src/
// throws.
//
// An Error is a number of errno(3) and a static text that says what was being done. It owns nothing and costs
// two words, so that it can travel on every path of a request. Mistakes of people (configuration, command
// line) have richer types of their own.
#pragma once

#include <cerrno>
#include <expected>
#include <string>

namespace remuda::base {

struct Error {
  int code = 0;           // a value of errno
  const char* what = "";  // static text: the step that failed, e.g. "accept"
};

// "accept: Too many open files"
std::string to_string(const Error& error);

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> failure(int code, const char* what) {
  return std::unexpected(Error{code, what});
}

// The error that the system call just made left in errno.
inline std::unexpected<Error> failure_from_errno(const char* what) { return failure(errno, what); }

}  // namespace remuda::base
