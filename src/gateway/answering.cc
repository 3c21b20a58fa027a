// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/answering.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "gateway/passage.h"
#include "gateway/request_key.h"

namespace remuda::gateway {

namespace {

using http::KnownName;
using wire::CgiResponseReader;

// How long a missing answer waits for the program's end, so that the end can be told.
constexpr auto kExplainWithin = std::chrono::seconds(1);
// The same, of an answer whose end looks like one.
constexpr auto kEndGrace = std::chrono::milliseconds(100);
// For the last words of what was given up.
constexpr auto kLastWords = std::chrono::milliseconds(50);
// Interim answers before the final one; more are no hints.
constexpr unsigned kMostInterims = 16;
// Of a verdict: a refusal that took as long costs the client as much as any other failure.
constexpr int kTimedOut = 504;
// However many refuse it: beyond, each refusal costs a retry.
constexpr size_t kRefusalsFree = 64;

// The scope of the story that awaits it.
struct CurrentScope {
  loop::Scope* scope = nullptr;
  void inherit(loop::Scope* its) { scope = its; }
  bool await_ready() const { return true; }
  void await_suspend(std::coroutine_handle<>) const {}
  loop::Scope* await_resume() const { return scope; }
};

}  // namespace

// --- asking

loop::Task<bool> Answering::ask(const Inquiry& inquiry) {
  if (inquiry.body != nullptr) body_length_ = inquiry.body->remaining().value_or(0);
  uint32_t retries = 0;
  for (bool costs = false;;) {
    if (!co_await begin(inquiry)) co_return false;
    const uint64_t endpoint = stream_->conversation().endpoint();
    if (costs || std::ranges::find(tried_, endpoint) != tried_.end()) ++retries;
    const Progress progress = co_await read_head();
    if (progress == Progress::kComplete) [[likely]]
      co_return true;
    if (progress == Progress::kBroken || stream_->buffer.room().empty())
      co_return co_await refuse_head(progress);
    const Verdict verdict = co_await stream_->conversation().ended(kExplainWithin);
    costs = verdict.kind != Verdict::Kind::kNotBegun || verdict.status == kTimedOut ||
            tried_.size() >= kRefusalsFree;
    tried_.push_back(endpoint);
    if (retries >= options_.retries || !co_await may_ask_again(inquiry, verdict))
      co_return co_await explain(verdict);
    risked_ = risked_ || verdict.kind == Verdict::Kind::kUnknown;
    co_await let_go_of_this_one();
  }
}

loop::Task<bool> Answering::ask_raw(const Inquiry& inquiry) {
  if (!co_await begin(inquiry)) co_return false;
  exchange_.response.status = 200;
  exchange_.response.raw = true;
  stream_->open(0, std::nullopt);
  exchange_.response.content = http::StreamContent{stream_};
  co_return true;
}

// A lease, and the conversation over it begun.
loop::Task<bool> Answering::begin(const Inquiry& inquiry) {
  const http::Request& request = exchange_.request;
  apps::StartRequest start{.program = inquiry.program, .environment = inquiry.variables};
  start.request = request.id;
  start.method = request.method;
  start.target = request.target;
  start.key = request_key(request, options_, exchange_.arena);
  start.tried = tried_;
  if (!give_input(inquiry, start)) co_return false;

  loop::Scope waiting(exchange_.loop, co_await CurrentScope());
  exchange_.watch_client(waiting);
  auto lease = co_await waiting.run(application_.source.acquire(start, loop::kNever));
  exchange_.stop_watching();
  if (!lease) {
    exchange_.details = exchange_.arena.copy(lease.error().details);
    co_return refuse(refusal_for(lease.error()));
  }
  exchange_.handling_began = exchange_.loop.now();

  role_ = inquiry.role;
  http::Body* const spooled = start.input == apps::InputFrom::kFile ? nullptr : inquiry.spooled;
  http::Body* const body = inquiry.body != nullptr ? inquiry.body : spooled;
  const Question question{inquiry.role, inquiry.variables, inquiry.data, request.id, &request, body};
  auto conversation = application_.wire.converse(std::move(*lease), question);
  conversation->begin(body);
  if (conversation->may_switch()) reader_ = CgiResponseReader(CgiResponseReader::Switching::kTaken);
  if (options_.on_client_gone == ClientGone::kAbort) exchange_.watch_client(conversation->scope());
  if (stream_ == nullptr) stream_ = exchange_.keep<ResponseStream>(exchange_);
  const http::Body* input = spooled != nullptr ? spooled : inquiry.body;
  if (inquiry.data != nullptr) input = inquiry.data;
  stream_->attach(std::move(conversation), input);
  co_return true;
}

// Of a body that was taken in, all of it is there again; a program reads it as a file.
bool Answering::give_input(const Inquiry& inquiry, apps::StartRequest& start) {
  if (inquiry.data != nullptr) inquiry.data->rewind();
  if (inquiry.spooled != nullptr) inquiry.spooled->rewind();
  if (application_.wire.takes_body() != BodyBy::kDescriptor) return true;
  if (inquiry.spooled == nullptr) {
    if (inquiry.body != nullptr) start.input = apps::InputFrom::kPipe;
    return true;
  }
  const auto file = inquiry.spooled->descriptor();
  if (!file) return refuse_for_body(file.error());
  start.input = apps::InputFrom::kFile;
  start.input_file = *file;
  return true;
}

// Until the header is complete or broken; kNeedsMore if the answer ended before, or the buffer is full.
loop::Task<Answering::Progress> Answering::read_head() {
  OutputBuffer& buffer = stream_->buffer;
  while (true) {
    const Progress progress = reader_.read(buffer.text());
    if (progress == Progress::kComplete && reader_.kind() == CgiResponseReader::Kind::kInterim) {
      if (!co_await pass_interim()) co_return Progress::kBroken;
      continue;
    }
    if (progress != Progress::kNeedsMore) co_return progress;
    if (buffer.room().empty() && !buffer.grow(options_.head_limit)) co_return progress;
    const auto got = co_await stream_->conversation().read(buffer.room());
    if (!got || *got == 0) co_return progress;
    buffer.added(*got);
  }
}

// What comes behind it is read from the buffer's beginning.
loop::Task<bool> Answering::pass_interim() {
  if (++interims_ > kMostInterims) co_return false;
  const auto fields = exchange_.arena.make<http::Fields>(exchange_.arena);
  reader_.add_fields(text(), *fields);
  const auto informed = co_await exchange_.inform(reader_.status(), *fields);
  // A client that cannot be sent to is noticed elsewhere.
  if (!informed && (informed.error().code == EMSGSIZE || informed.error().code == EINVAL))
    exchange_.trouble = exchange_.arena.join("an interim answer was dropped: ", informed.error().what);
  stream_->buffer.drop(reader_.head_size());
  reader_ = stream_->conversation().may_switch() ? CgiResponseReader(CgiResponseReader::Switching::kTaken)
                                                 : CgiResponseReader();
  co_return true;
}

loop::Task<bool> Answering::may_ask_again(const Inquiry& inquiry, const Verdict& verdict) {
  const Conversation& conversation = stream_->conversation();
  if (conversation.stopped() != 0 || conversation.body_error() != 0) co_return false;
  if (!text().empty() || interims_ > 0) co_return false;
  const bool has_whole_body = inquiry.body == nullptr || inquiry.body->remaining() == body_length_;
  if (!has_whole_body) co_return false;
  if (verdict.status == kTimedOut && !application_.source.has_another(tried_)) co_return false;
  if (verdict.kind == Verdict::Kind::kNotBegun) co_return true;
  if (verdict.kind != Verdict::Kind::kUnknown || risked_) co_return false;
  if (!is_idempotent(exchange_.request.method)) co_return false;
  if (options_.may_have_begun == MayHaveBegun::kIsRiskedOnce) co_return true;
  co_return co_await application_.source.outlived(conversation.endpoint());
}

loop::Task<void> Answering::let_go_of_this_one() {
  co_await stream_->conversation().stop_input();
  exchange_.stop_watching();
  stream_->detach();
}

// --- the answer

loop::Task<void> Answering::pass_on() {
  if (reader_.kind() == CgiResponseReader::Kind::kLocalRedirect ||
      reader_.kind() == CgiResponseReader::Kind::kElsewhere)
    co_return co_await point_elsewhere();
  if (reader_.kind() == CgiResponseReader::Kind::kSwitch) co_return switch_protocols();
  co_await answer();
}

// What stands behind the head is the other protocol's already.
void Answering::switch_protocols() {
  fill_head();
  stream_->open(reader_.head_size(), std::nullopt);
  exchange_.response.takeover = exchange_.keep<Passage>(exchange_, *stream_);
}

loop::Task<void> Answering::dismiss() {
  stream_->settle();
  co_await let_go_of_this_one();
}

loop::Task<void> Answering::point_elsewhere() {
  http::Response& response = exchange_.response;
  if (reader_.kind() == CgiResponseReader::Kind::kLocalRedirect) {
    response.internal_redirect = reader_.location(text());
    response.status = 302;
  } else {
    response.internal_redirect = reader_.redirect(text());
    response.file = reader_.file(text());
    response.file_of = exchange_.arena.copy(options_.name);
    response.redirect_fields = http::RedirectFields::kKeep;
    fill_head();
  }
  co_await dismiss();
}

void Answering::fill_head() {
  const std::string_view bytes = text();
  http::Response& response = exchange_.response;
  response.status = reader_.status();
  response.reason = reader_.reason(bytes);
  reader_.add_fields(bytes, response.fields, role_ == Question::Role::kAuthorizer ? "variable-" : "");
}

// Short output that ends soon goes out in one piece with its length; everything else as a stream.
loop::Task<void> Answering::answer() {
  if (ends_with_its_head()) co_return co_await answer_with_head();
  const bool ended = co_await gather();
  // The buffer does not move from here on: views into it stand in the response.
  const uint64_t have = text().size() - reader_.head_size();
  const auto announced = reader_.content_length();
  const bool whole = ended || (announced && have >= *announced && !stream_->input_flows());
  if (whole && have < announced.value_or(0)) {
    co_await give_up(502, "the program sent less than its Content-Length");
    co_return;
  }
  if (ended && !announced && !co_await ended_well()) co_return;
  fill_head();
  http::Response& response = exchange_.response;
  if (!whole) {
    stream_->open(reader_.head_size(), announced);
    response.length = announced;
    response.content = http::StreamContent{stream_};
    co_return;
  }
  response.content = http::MemoryContent{text().substr(reader_.head_size(), announced.value_or(have))};
  co_await dismiss();
}

// Whatever its fields say (RFC 9112 section 6.3).
bool Answering::ends_with_its_head() const {
  const int status = reader_.status();
  return exchange_.request.method == "HEAD" || status == 204 || status == 304;
}

// The response is whole with it; a length that nobody announces is counted if the content of a HEAD ends
// soon. The stream is there to be stopped: its application finishes by itself.
loop::Task<void> Answering::answer_with_head() {
  auto length = reader_.content_length();
  const bool may_be_counted = reader_.status() != 204 && reader_.status() != 304;
  if (!length && may_be_counted && co_await gather()) {
    if (!co_await ended_well()) co_return;
    const uint64_t have = text().size() - reader_.head_size();
    if (have > 0) length = have;
  }
  fill_head();
  stream_->settle();
  exchange_.response.length = length;
  exchange_.response.content = http::StreamContent{stream_};
}

// Whether the output has ended within the gather time and the buffer.
loop::Task<bool> Answering::gather() {
  const loop::Time limit = exchange_.loop.now() + options_.gather_time;
  const auto announced = reader_.content_length();
  OutputBuffer& buffer = stream_->buffer;
  while (!buffer.room().empty()) {
    const uint64_t have = buffer.text().size() - reader_.head_size();
    if (announced && have >= *announced) co_return false;
    const auto got = co_await stream_->conversation().read(buffer.room(), limit);
    if (!got) co_return false;
    if (*got == 0) co_return true;
    buffer.added(*got);
  }
  co_return false;
}

// An end that nothing but the end itself announces may be that of a program that was killed.
loop::Task<bool> Answering::ended_well() {
  const Verdict verdict = co_await stream_->conversation().ended(kEndGrace);
  if (verdict.kind == Verdict::Kind::kWhole) co_return true;
  co_return co_await give_up(502, verdict.trouble + " before its answer was complete");
}

// --- troubles

bool Answering::refuse(int status, std::string_view trouble) {
  exchange_.response.status = status;
  exchange_.trouble = exchange_.arena.copy(trouble);
  return false;
}

bool Answering::refuse(const Refusal& refusal) {
  if (refusal.retry_after) {
    const std::string seconds = fmt::format("{}", refusal.retry_after->count());
    exchange_.response.fields.add(KnownName::kRetryAfter, exchange_.arena.copy(seconds));
  }
  return refuse(refusal.status, refusal.trouble);
}

bool Answering::refuse_for_body(const base::Error& error) {
  const int status = status_for_body_error(error.code);
  const std::string what = status < 500 ? std::string("did not come whole")
                                        : fmt::format("could not be kept in {}", options_.spool_directory);
  return refuse(status, fmt::format("the request's body {}: {}", what, base::to_string(error)));
}

loop::Task<bool> Answering::refuse_head(Progress progress) {
  if (progress == Progress::kNeedsMore)
    co_return co_await give_up(502, fmt::format("the header is longer than {} bytes", options_.head_limit));
  if (interims_ > kMostInterims) co_return co_await give_up(502, "too many interim answers");
  co_return co_await give_up(502, reader_.trouble());
}

// The answer ended, or was ended, before its header was complete.
loop::Task<bool> Answering::explain(const Verdict& verdict) {
  const int body_error = stream_->conversation().body_error();
  if (body_error != 0 && stream_->conversation().stopped() == 0) {
    const base::Error error{body_error, "read the request's body"};
    co_return co_await give_up(status_for_body_error(body_error), base::to_string(error));
  }
  std::string trouble = verdict.trouble.empty() ? "the application ended its answer" : verdict.trouble;
  if (verdict.kind == Verdict::Kind::kWhole)
    trouble += text().empty() ? " before it sent a header" : " in the middle of its header";
  if (!verdict.said.empty()) trouble += "; it said: " + verdict.said;
  co_return co_await give_up(verdict.status == 0 ? 502 : verdict.status, trouble);
}

// An error page instead of whatever the application does. It is stopped; nothing that it wrote is sent.
loop::Task<bool> Answering::give_up(int status, std::string_view trouble) {
  Conversation& conversation = stream_->conversation();
  conversation.set_trouble(trouble);
  refuse(status, trouble);
  if (status == 503) exchange_.response.fields.add(KnownName::kRetryAfter, "1");
  conversation.give_up("it was of no use any more");
  co_await conversation.stop_input();
  static_cast<void>(co_await conversation.ended(kLastWords));
  std::string details;
  for (const std::string& line : to_lines(conversation.journey())) details.append(line).push_back('\n');
  exchange_.details = exchange_.arena.copy(details);
  exchange_.stop_watching();
  stream_->detach();
  co_return false;
}

}  // namespace remuda::gateway
