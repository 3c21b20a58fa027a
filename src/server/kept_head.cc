// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "server/kept_head.h"

#include <algorithm>
#include <string>

#include "base/ascii.h"

namespace remuda::server {

namespace {

using http::Field;
using http::KnownName;

bool is_of_the_bytes(const Field& field) {
  switch (field.known) {
    case KnownName::kAcceptRanges:
    case KnownName::kContentEncoding:
    case KnownName::kContentLength:
    case KnownName::kContentRange:
    case KnownName::kETag:
    case KnownName::kLastModified:
    case KnownName::kLocation: return true;
    default: return false;
  }
}

// Each says something of its own.
bool stands_beside(const Field& field) {
  return field.known == KnownName::kSetCookie || field.known == KnownName::kVary ||
         field.known == KnownName::kLink;
}

// The lines of `prepared` but those of that name.
std::string without(std::string_view prepared, std::string_view name) {
  std::string rest;
  while (!prepared.empty()) {
    const std::string_view line = prepared.substr(0, prepared.find('\n') + 1);
    if (!base::equal_ignoring_case(line.substr(0, line.find(':')), name)) rest += line;
    prepared.remove_prefix(line.size());
  }
  return rest;
}

void replace(http::Exchange& exchange, const Field& field) {
  http::Response& response = exchange.response;
  if (!stands_beside(field)) {
    if (response.fields.find(field.name) != nullptr) return;
    if (!response.prepared_fields.empty())
      response.prepared_fields = exchange.arena.copy(without(response.prepared_fields, field.name));
  }
  response.fields.add(field.known, field.name, field.value);
}

}  // namespace

void KeptHead::take(http::Exchange& exchange) {
  fields_ = {};
  status_ = 0;
  if (exchange.response.redirect_fields != http::RedirectFields::kKeep) return;
  const auto all = exchange.response.fields.all();
  fields_ = exchange.arena.make_array<Field>(all.size());
  const auto end = std::ranges::copy_if(all, fields_.begin(), [](const Field& field) {
                     return !is_of_the_bytes(field);
                   }).out;
  fields_ = fields_.first(static_cast<size_t>(end - fields_.begin()));
  take_status(exchange);
}

// Only of those that have content, which is not that of a redirect or of a part.
void KeptHead::take_status(http::Exchange& exchange) {
  const int status = exchange.response.status;
  if (status < 400 && (status < 201 || status > 203)) return;
  status_ = status;
  http::remove_conditions(exchange.request.fields);
}

void KeptHead::give(http::Exchange& exchange) const {
  const int status = exchange.response.status;
  for (const Field& field : fields_) {
    if (status >= 400 && field.known != KnownName::kSetCookie) continue;
    if (status == 304 && field.known == KnownName::kContentType) continue;
    replace(exchange, field);
  }
  if (status == 200 && status_ != 0) exchange.response.status = status_;
}

}  // namespace remuda::server
