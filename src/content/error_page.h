// SPDX-License-Identifier: Apache-2.0
//
// ErrorPages: the answers of the server itself (refusals, 404, 502, ...) as a page that a person can read, as
// JSON (RFC 9457 problem details) or as plain text, by the request's Accept.
//
// Self-contained: no external resource, no script. Everything that came from outside is escaped. The page
// shows the request's id, which is also in the logs. Made once by the composition, never changed, shared by
// all loops.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "http/handler.h"

namespace remuda::content {

enum class Detail : uint8_t { kHide, kShow };  // kShow: development mode

struct ErrorPageOptions {
  Detail detail = Detail::kHide;
  std::map<int, std::string>
      pages;  // HTML of the site's own for a status; detail lines are not shown on those
};

// What is known about one error beside its status. Views live as long as the exchange.
struct ErrorText {
  std::string_view message;  // one sentence for the client; empty: the usual one for the status
  std::string_view
      detail;  // lines of plain text, shown in development mode only: why, the journey of a start
};

class ErrorPages {
 public:
  explicit ErrorPages(ErrorPageOptions options = {});

  // Sets status, Content-Type, Cache-Control: no-store and content, from the arena. Fields that stand in the
  // response already (Allow, Retry-After, Content-Range) stay; prepared fields, a holder, a takeover are
  // dropped.
  void answer(http::Exchange& exchange, int status, const ErrorText& text = {}) const;

 private:
  ErrorPageOptions options_;
};

}  // namespace remuda::content
