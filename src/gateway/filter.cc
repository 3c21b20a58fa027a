// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/filter.h"

#include <array>
#include <chrono>
#include <utility>

#include "base/ascii.h"
#include "base/http_date.h"
#include "gateway/answering.h"
#include "gateway/data_body.h"
#include "gateway/describe.h"
#include "http/target.h"

namespace remuda::gateway {

namespace {

using http::KnownName;

constexpr std::array kAboutTheBytes = {KnownName::kRange,           KnownName::kIfRange,
                                       KnownName::kIfMatch,         KnownName::kIfNoneMatch,
                                       KnownName::kIfModifiedSince, KnownName::kIfUnmodifiedSince,
                                       KnownName::kAcceptEncoding};

// Fields of the request that are not for the source, put aside and put back.
class Aside {
 public:
  explicit Aside(http::Exchange& exchange) : fields_(exchange.request.fields) {
    size_t count = 0;
    for (const KnownName name : kAboutTheBytes) count += fields_.count(name);
    if (count == 0) return;
    kept_ = exchange.arena.make_array<http::Field>(count);
    size_t at = 0;
    for (const KnownName name : kAboutTheBytes) {
      for (const http::Field* field = fields_.first(name); field != nullptr; field = fields_.next(*field))
        kept_[at++] = *field;
    }
    for (const KnownName name : kAboutTheBytes) fields_.remove(name);
  }
  void put_back() {
    for (const http::Field& field : kept_) fields_.add(field.known, field.name, field.value);
  }

 private:
  http::Fields& fields_;
  std::span<http::Field> kept_;
};

int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Seconds since 1970; 0 if the source does not say.
int64_t last_modified(const http::Response& response) {
  constexpr std::string_view kName = "Last-Modified:";
  std::string_view text = response.fields.get(KnownName::kLastModified);
  for (std::string_view rest = response.prepared_fields; text.empty() && !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    if (base::equal_ignoring_case(line.substr(0, kName.size()), kName))
      text = base::trim_whitespace(line.substr(kName.size()));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
  }
  return base::parse_http_date(text, wall_clock()).value_or(0);
}

}  // namespace

Filter::Filter(Application application, AppOptions options, std::string files_root,
               std::unique_ptr<http::Handler> source)
    : application_(application),
      options_(std::move(options)),
      files_root_(std::move(files_root)),
      label_("filter " + options_.name),
      source_(std::move(source)) {}

loop::Task<void> Filter::handle(http::Exchange& exchange) {
  const std::string_view method = exchange.request.method;
  if (method != "GET" && method != "HEAD") co_return co_await source_->handle(exchange);
  Aside aside(exchange);
  co_await source_->handle(exchange);
  aside.put_back();
  const http::Response& response = exchange.response;
  const bool is_whole = response.status == 200 && DataBody::takes(response.content);
  if (is_whole) co_await filter(exchange);
}

loop::Task<void> Filter::filter(http::Exchange& exchange) {
  exchange.handled_by = label_;
  Subject subject{.role = wire::CgiRole::kFilter, .document_root = files_root_};
  subject.data.last_modified = last_modified(exchange.response);
  auto* const data = exchange.keep<DataBody>(exchange.response, exchange.loop, application_.offload);
  subject.data.length = data->size();
  const auto decoded =
      http::decode_path(exchange.request.raw_path, http::EncodedSlash::kRefuse, exchange.arena);
  const std::string_view path = decoded ? decoded->path : std::string_view();
  subject.script_name = options_.mount;
  if (path.starts_with(options_.mount)) subject.path_info = path.substr(options_.mount.size());
  subject.script_filename = exchange.arena.join(files_root_, subject.path_info);
  std::string variables;
  describe(exchange, options_, subject, variables);
  const Inquiry inquiry{.role = Question::Role::kFilter, .variables = variables, .data = data};
  Answering answering(exchange, application_, options_);
  if (co_await answering.ask(inquiry)) co_await answering.pass_on();
}

}  // namespace remuda::gateway
