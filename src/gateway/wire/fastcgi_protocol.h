// SPDX-License-Identifier: Apache-2.0
//
// FastCGI 1.0: its numbers, and the header that every record begins with.
//
//     | version | type | request id | content length | padding length | reserved |  content  |  padding  |
//     |    1    |  1   |     2      |       2        |       1        |    1     |  0..65535 |  0..255   |
//
// Numbers of several bytes have their highest byte first. Request id 0 is of the connection itself
// (management), any other is of one request.
#pragma once

#include <cstddef>
#include <cstdint>

namespace remuda::gateway::wire {

constexpr size_t kFastcgiHeaderSize = 8;
constexpr size_t kFastcgiLongestContent = 65535;
constexpr uint8_t kFastcgiVersion = 1;

enum class FastcgiType : uint8_t {
  kBeginRequest = 1,
  kAbortRequest = 2,
  kEndRequest = 3,
  kParams = 4,
  kStdin = 5,
  kStdout = 6,
  kStderr = 7,
  kData = 8,
  kGetValues = 9,
  kGetValuesResult = 10,
  kUnknownType = 11,
};

enum class FastcgiRole : uint16_t { kResponder = 1, kAuthorizer = 2, kFilter = 3 };

// How an application ends a request (section 5.5).
enum class FastcgiStatus : uint8_t {
  kRequestComplete = 0,
  kCannotMultiplex = 1,  // refused: it takes one request at a time over a connection
  kOverloaded = 2,       // refused: it is short of something
  kUnknownRole = 3,      // refused: it does not have that role
};

// The application's status of an answer that has begun and is not whole: REMUDA_BROKEN of remuda_app.h.
constexpr uint32_t kFastcgiBrokenAnswer = 0x62726b6e;

}  // namespace remuda::gateway::wire
