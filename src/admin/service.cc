// SPDX-License-Identifier: Apache-2.0
//
// The routes of the status API, and what each answers.
#include "admin/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "admin/json.h"
#include "admin/metrics.h"
#include "admin/query.h"
#include "http/target.h"

namespace remuda::admin {
namespace {

constexpr std::string_view kJsonType = "application/json";
// A loop that does not say its part by then is left out of what is told.
constexpr std::chrono::seconds kGatherTime{3};

void answer(http::Exchange& exchange, int status, std::string text, std::string_view type = kJsonType) {
  http::Response& response = exchange.response;
  response.status = status;
  response.fields.add(http::KnownName::kContentType, type);
  response.fields.add(http::KnownName::kCacheControl, "no-store");
  response.content = http::MemoryContent{*exchange.keep<std::string>(std::move(text))};
}

void fail(http::Exchange& exchange, int status, std::string_view sentence) {
  answer(exchange, status, error_json(sentence));
}

void refuse_method(http::Exchange& exchange, std::string_view allowed) {
  exchange.response.fields.add(http::KnownName::kAllow, allowed);
  fail(exchange, 405, fmt::format("this takes {}", allowed));
}

int status_of(const base::Error& error) {
  switch (error.code) {
    case ENOENT: return 404;
    case EINVAL: return 400;
    case ENOTSUP:
    case EEXIST:
    case EBUSY: return 409;
    default: return 500;
  }
}

std::optional<pid_t> parse_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end != text.data() + text.size() || pid <= 0) return std::nullopt;
  return pid;
}

// Why something could not be done to `object` ("instance 1234"), as a sentence.
std::string sentence_of(const apps::Control& app, const base::Error& error, std::string_view kind,
                        std::string_view object) {
  switch (error.code) {
    case ENOENT: return fmt::format("{} has no {} {}", app.name(), kind, object);
    case ENOTSUP: return fmt::format("{} has no {}s: its model knows none", app.name(), kind);
    case EINVAL: return fmt::format("{} {}: {}", kind, object, error.what);
    case EEXIST: return fmt::format("{} has the {} {} already", app.name(), kind, object);
    default: return fmt::format("{}: {} {}: {}", app.name(), kind, object, base::to_string(error));
  }
}

}  // namespace

// What the path asks for: {"status", "apps", "blog"}.
struct Service::Asked {
  std::vector<std::string_view> steps;
  std::string_view query;

  bool is(std::initializer_list<std::string_view> path) const { return std::ranges::equal(steps, path); }
  bool is_app_in(std::string_view first, std::string_view second) const {
    return steps.size() == 3 && steps[0] == first && steps[1] == second;
  }
};

Service::Service(ServerFacts server, std::vector<apps::Control*> apps, Said said)
    : server_(std::move(server)), apps_(std::move(apps)), said_(std::move(said)) {}

loop::Task<void> Service::handle(http::Exchange& exchange) {
  exchange.handled_by = "status";
  const http::Request& request = exchange.request;
  if (request.fields.find("Origin") != nullptr) {
    fail(exchange, 403, "requests of browsers are refused: this one has an Origin field");
    co_return;
  }
  const auto path = http::decode_path(request.raw_path, http::EncodedSlash::kDecode, exchange.arena);
  if (!path) {
    fail(exchange, 400, "the path cannot be decoded");
    co_return;
  }
  Asked asked{.steps = {}, .query = request.query};
  for (std::string_view rest = path->path; !rest.empty();) {
    rest.remove_prefix(1);
    const size_t end = std::min(rest.find('/'), rest.size());
    if (end > 0) asked.steps.push_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  const bool reads = asked.is({"status"}) || asked.is({"metrics"}) || asked.is_app_in("status", "apps");
  const bool acts = asked.steps.size() == 3 && asked.steps[0] == "apps";
  if (reads && (request.method == "GET" || request.method == "HEAD")) {
    co_await answer_get(exchange, asked);
  } else if (acts && request.method == "POST") {
    co_await answer_post(exchange, asked);
  } else if (reads || acts) {
    refuse_method(exchange, reads ? "GET, HEAD" : "POST");
  } else {
    fail(exchange, 404, "there is nothing here; there are /status, /status/apps/NAME and /metrics");
  }
}

loop::Task<void> Service::answer_get(http::Exchange& exchange, const Asked& asked) {
  if (asked.is({"metrics"})) {
    answer(exchange, 200, metrics_text(co_await snapshot(exchange.loop)), kMetricsType);
  } else if (asked.is({"status"})) {
    answer(exchange, 200, to_json(co_await snapshot(exchange.loop)));
  } else if (find(asked.steps[2]) != nullptr) {
    answer(exchange, 200, to_json(co_await snapshot(exchange.loop, asked.steps[2])));
  } else {
    fail(exchange, 404, no_such_app(asked.steps[2]));
  }
}

loop::Task<void> Service::answer_post(http::Exchange& exchange, const Asked& asked) {
  apps::Control* const app = find(asked.steps[1]);
  if (app == nullptr) {
    fail(exchange, 404, no_such_app(asked.steps[1]));
  } else if (asked.steps[2] == "restart") {
    co_await restart(exchange, *app, asked);
  } else if (asked.steps[2] == "end") {
    co_await end(exchange, *app, asked);
  } else if (asked.steps[2] == "peers") {
    change_peers(exchange, *app, asked);
  } else {
    fail(exchange, 404, "an application takes restart, end and peers");
  }
}

// Gathered by stories under a deadline of their own, so that one application does not hide the others.
loop::Task<Snapshot> Service::snapshot(loop::Loop& loop, std::string_view only_app) {
  Snapshot result = server_();
  for (apps::Control* const app : apps_) {
    if (!only_app.empty() && app->name() != only_app) continue;
    loop::Scope gathering(loop, &loop.root());
    gathering.set_deadline(loop.now() + kGatherTime);
    result.apps.push_back(co_await gathering.run(app->status()));
  }
  co_return result;
}

loop::Task<void> Service::restart(http::Exchange& exchange, apps::Control& app, const Asked& asked) {
  said_(fmt::format("app {}: a restart was ordered", app.name()));
  const bool too = asked.query == "too=1";
  const apps::RestartReport report = co_await (too ? app.restart_too() : app.restart());
  said_(report.succeeded ? fmt::format("app {}: restarted, {} replaced", app.name(), report.replaced)
                         : fmt::format("app {}: the restart failed, {}", app.name(), who_serves(report)));
  answer(exchange, report.succeeded ? 200 : 500, to_json(report));
}

loop::Task<void> Service::end(http::Exchange& exchange, apps::Control& app, const Asked& asked) {
  const auto parameter = only_parameter(asked.query);
  const bool instance = parameter && parameter->name == "instance";
  const auto pid = instance ? parse_pid(parameter->value) : std::nullopt;
  const auto number =
      parameter && parameter->name == "request" ? parse_request(parameter->value) : std::nullopt;
  if (!pid && !number) {
    fail(exchange, 400, "say instance=PID or request=ID, as the logs write it");
    co_return;
  }
  const auto done = pid ? app.end_instance(*pid) : co_await app.end_request(*number);
  const std::string object = pid ? parameter->value : request_text(*number);
  if (!done) {
    fail(exchange, status_of(done.error()),
         sentence_of(app, done.error(), pid ? "instance" : "request", object));
    co_return;
  }
  const std::string sentence = fmt::format("{} {} of {} ends", parameter->name, object, app.name());
  said_(fmt::format("app {}: {} {} is ended by order", app.name(), parameter->name, object));
  answer(exchange, 200, done_json(sentence));
}

void Service::change_peers(http::Exchange& exchange, apps::Control& app, const Asked& asked) {
  struct Change {
    std::string_view name;
    base::Result<void> (apps::Control::*call)(std::string_view);
    std::string_view done;
  };
  constexpr std::array kChanges = {
      Change{"add", &apps::Control::add_peer, "gets requests from now on"},
      Change{"drain", &apps::Control::drain_peer, "gets no new requests"},
      Change{"restore", &apps::Control::restore_peer, "gets requests again"},
      Change{"remove", &apps::Control::remove_peer, "goes when its last request has ended"}};
  const auto parameter = only_parameter(asked.query);
  const auto* const change = std::ranges::find(
      kChanges, parameter ? std::string_view(parameter->name) : std::string_view(), &Change::name);
  if (change == kChanges.end()) {
    fail(exchange, 400, "say add=, drain=, restore= or remove= with one address");
    return;
  }
  const auto done = (app.*change->call)(parameter->value);
  if (!done) {
    fail(exchange, status_of(done.error()), sentence_of(app, done.error(), "peer", parameter->value));
    return;
  }
  const std::string sentence = fmt::format("peer {} of {} {}", parameter->value, app.name(), change->done);
  said_(sentence);
  answer(exchange, 200, done_json(sentence));
}

apps::Control* Service::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(apps_, [&](const apps::Control* app) { return app->name() == name; });
  return found == apps_.end() ? nullptr : *found;
}

std::string Service::no_such_app(std::string_view name) const {
  std::string known;
  for (const apps::Control* const app : apps_) {
    if (!known.empty()) known += ", ";
    known += app->name();
  }
  return known.empty() ? fmt::format("there is no application {}: there are none", name)
                       : fmt::format("there is no application {}; there are: {}", name, known);
}

void Service::refuse(http::Exchange& exchange, int status, std::string_view why) {
  fail(exchange, status, why);
}

}  // namespace remuda::admin
