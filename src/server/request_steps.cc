// SPDX-License-Identifier: Apache-2.0
//
// The steps of a request, in this order:
//
//     1  what only the server answers: OPTIONS *, TRACE, CONNECT, targets that are no path
//     2  choose: decode the path once, match host, path and method against the routes      404, 405
//     3  a body that is announced larger than the route allows                              413
//     4  handle: the route's handler fills the response
//     5  a file that an application named (X-Sendfile) is sent if it may name it            502
//     6  an internal redirect (CGI's local Location, X-Accel-Redirect) begins again at 1,
//        ten times at most                                                                  500
//     7  explain: an error without content gets a page with the request's id
//
// and when it has ended, finished(): counted, one line in the access log, and why in the error log.
#include "server/request_steps.h"

#include "http/target.h"
#include "server/kept_head.h"

namespace remuda::server {

namespace {

constexpr int kMostInternalRedirects = 10;
constexpr std::string_view kServerMethods = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

// An error that its handler says no more about. What answers HEAD has no content, but may have a length.
bool is_bare_error(const http::Response& response) {
  return response.status >= 400 && std::holds_alternative<std::monostate>(response.content) &&
         !response.length.has_value();
}

// Whether the content is somewhere else on this server.
bool is_elsewhere(const http::Response& response) {
  return !response.internal_redirect.empty() || !response.file.empty();
}

// Of what led elsewhere nothing is sent.
void forget(http::Response& response) {
  if (response.holder != nullptr) response.holder->release();
  response.holder = nullptr;
  response.takeover = nullptr;
  response.fields.clear();
  response.prepared_fields = {};
  response.internal_redirect = {};
  response.file = {};
  response.redirect_fields = http::RedirectFields::kForget;
  response.reason = {};
  response.length.reset();
  response.content = std::monostate();
  response.raw = false;
  response.status = 0;
}

// Of one that cannot be decoded.
std::string_view fault_of_path(const base::Error& error) {
  switch (error.code) {
    case EILSEQ: return "the path has a % that two hexadecimal digits do not follow";
    case EACCES: return "the path leads above the root";
    default: return "the path has a zero byte";
  }
}

}  // namespace

RequestSteps::RequestSteps(const Router& router, std::vector<Destination> destinations,
                           const content::ErrorPages& pages, Gate& gate, base::Log& log, AccessLog* access,
                           uint64_t first_request_id)
    : router_(router),
      destinations_(std::move(destinations)),
      pages_(pages),
      gate_(gate),
      log_(log),
      access_(access),
      next_id_(first_request_id) {}

loop::Task<void> RequestSteps::handle(http::Exchange& exchange) {
  KeptHead kept;
  for (int redirects = 0;; ++redirects) {
    if (answer_for_the_server(exchange)) break;
    Destination* const destination =
        choose(exchange, redirects == 0 ? Asked::kFromOutside : Asked::kFromInside);
    if (destination == nullptr) break;
    exchange.handled_by = destination->name;
    exchange.body_limit = destination->body_limit;
    if (exchange.request.body != nullptr && exchange.request.body->remaining() > exchange.body_limit) {
      answer_with_page(exchange, 413, "the body is larger than allowed here");
      break;
    }
    co_await destination->handler->handle(exchange);
    if (!is_elsewhere(exchange.response)) [[likely]]
      break;
    kept.take(exchange);
    if (!exchange.response.file.empty()) {
      co_await send_named_file(exchange, *destination);
      break;
    }
    if (redirects == kMostInternalRedirects) {
      forget(exchange.response);
      answer_with_page(exchange, 500,
                       "too many internal redirects: the programs send the request in a circle");
      break;
    }
    follow_internal_redirect(exchange);
  }
  kept.give(exchange);
  explain(exchange);
}

bool RequestSteps::answer_for_the_server(http::Exchange& exchange) {
  const http::Request& request = exchange.request;
  if (request.form == http::TargetForm::kAsterisk) {
    exchange.response.status = 204;
    exchange.response.fields.add(http::KnownName::kAllow, kServerMethods);
    return true;
  }
  if (request.method == "CONNECT" || request.method == "TRACE") {
    exchange.response.fields.add(http::KnownName::kAllow, kServerMethods);
    answer_with_page(exchange, 405, "this server neither traces nor tunnels");
    return true;
  }
  return false;
}

// Null: nothing matches, and the response says so.
Destination* RequestSteps::choose(http::Exchange& exchange, Asked asked) {
  const http::Request& request = exchange.request;
  const auto path = http::decode_path(request.raw_path, http::EncodedSlash::kKeep, exchange.arena);
  if (!path) {
    const std::string_view why = fault_of_path(path.error());
    if (asked == Asked::kFromOutside) {
      answer_with_page(exchange, 400, why);
    } else {
      answer_with_page(
          exchange, 502,
          exchange.arena.join("the application named a path that is none (", why, "): ", request.raw_path));
    }
    return nullptr;
  }
  const RouteMatch match = router_.match(request.authority, path->path, request.method, asked);
  if (match.kind == RouteMatch::Kind::kRoute) [[likely]]
    return &destinations_[match.route];
  if (match.kind == RouteMatch::Kind::kMethodNotAllowed) {
    const std::string allowed = router_.allowed_methods(request.authority, path->path);
    exchange.response.fields.add(http::KnownName::kAllow, exchange.arena.copy(allowed));
    answer_with_page(exchange, 405, "no route for this path takes this method");
  } else {
    answer_with_page(exchange, 404, "no route matches");
  }
  return nullptr;
}

// The new request is a GET (of a HEAD a HEAD, which gets no content) without body for the path that the
// program named; what the client sent stays as it was otherwise (RFC 3875 section 6.2.2).
void RequestSteps::follow_internal_redirect(http::Exchange& exchange) {
  http::Request& request = exchange.request;
  const std::string_view target = exchange.arena.copy(exchange.response.internal_redirect);
  const size_t question = target.find('?');
  if (request.method != "HEAD") request.method = "GET";
  request.raw_path = target.substr(0, question);
  request.has_query = question != std::string_view::npos;
  request.query = request.has_query ? target.substr(question + 1) : std::string_view();
  request.body = nullptr;
  for (const auto name : {http::KnownName::kContentLength, http::KnownName::kContentType,
                          http::KnownName::kContentEncoding, http::KnownName::kTransferEncoding}) {
    request.fields.remove(name);
  }
  forget(exchange.response);
}

loop::Task<void> RequestSteps::send_named_file(http::Exchange& exchange, const Destination& destination) {
  const std::string_view name = exchange.response.file;
  forget(exchange.response);
  if (destination.named_files != nullptr && co_await destination.named_files->send(exchange, name)) co_return;
  forget(exchange.response);
  answer_with_page(
      exchange, 502,
      exchange.arena.join("the application named a file that it may not send (sendfile_roots): ", name));
}

void RequestSteps::explain(http::Exchange& exchange) {
  const http::Response& response = exchange.response;
  if (response.status == 0) {
    answer_with_page(exchange, 500, "the handler gave no answer");
  } else if (is_bare_error(response)) [[unlikely]] {
    answer_with_page(exchange, response.status, exchange.trouble);
  }
}

void RequestSteps::answer_with_page(http::Exchange& exchange, int status, std::string_view trouble) {
  exchange.trouble = trouble;
  const std::string_view detail =
      exchange.details.empty() ? trouble : exchange.arena.join(trouble, "\n", exchange.details);
  pages_.answer(exchange, status, {.message = {}, .detail = detail});
}

void RequestSteps::refuse(http::Exchange& exchange, int status, std::string_view why) {
  answer_with_page(exchange, status, why);
}

void RequestSteps::finished(const http::Exchange& exchange, const http::Record& record) {
  counters_.count(record);
  if (access_ != nullptr) access_->add(exchange, record);
  const std::string_view trouble = record.trouble.empty() ? exchange.trouble : record.trouble;
  if (trouble.empty()) [[likely]]
    return;
  const auto level = record.status >= 500 ? base::LogLevel::kWarning : base::LogLevel::kInfo;
  if (!log_.shows(level)) return;
  std::array<char, http::kAddressText> room;
  log_.write(level, fmt::format("request {:016x} from {}: {} {}: {} {}: {}", exchange.request.id,
                                exchange.request.endpoints->peer.ip(room), exchange.request.method,
                                exchange.request.target.substr(0, 200), record.status,
                                record.complete ? "sent" : "not sent whole", trouble));
}

}  // namespace remuda::server
