// SPDX-License-Identifier: Apache-2.0
//
// Texts of the message model. Pure functions, any thread.
#include "http/message.h"

namespace remuda::http {

std::string_view to_string(Version version) {
  switch (version) {
    case Version::k10: return "HTTP/1.0";
    case Version::k11: return "HTTP/1.1";
    case Version::k2: return "HTTP/2.0";
    case Version::k3: return "HTTP/3.0";
  }
  return "";
}

}  // namespace remuda::http
