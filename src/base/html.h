// SPDX-License-Identifier: Apache-2.0
//
// HTML: text that came from anywhere, made safe for element content and quoted attributes. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace remuda::base {

// Appends `text` with & < > " ' as character references. Other octets stay: the page is UTF-8, or declared
// so.
inline void append_html_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': to += "&amp;"; break;
      case '<': to += "&lt;"; break;
      case '>': to += "&gt;"; break;
      case '"': to += "&quot;"; break;
      case '\'': to += "&#39;"; break;
      default: to += c;
    }
  }
}

}  // namespace remuda::base
