// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/fastcgi/fastcgi_conversation.h"

#include <fmt/format.h>

#include "gateway/fastcgi/values_question.h"
#include "gateway/wire/fastcgi_encoder.h"

namespace remuda::gateway::fastcgi {

namespace {

using apps::Outcome;
using wire::FastcgiRole;
using wire::FastcgiStatus;
using wire::FastcgiType;
using Kind = Verdict::Kind;

// GET_VALUES is answered by who reads anyway; who has not done so by then does not know it.
constexpr auto kAnswerAfterRequest = std::chrono::milliseconds(20);
// Who multiplexes reads whatever comes, and who has nothing to do as well.
constexpr auto kAnswerBeforeRequest = std::chrono::milliseconds(100);

FastcgiRole role_of(Question::Role role) {
  switch (role) {
    case Question::Role::kResponder: return FastcgiRole::kResponder;
    case Question::Role::kAuthorizer: return FastcgiRole::kAuthorizer;
    case Question::Role::kFilter: return FastcgiRole::kFilter;
  }
  __builtin_unreachable();
}

// The methods that RFC 9110 section 9.2.2 calls idempotent.
Resend resend_of(std::string_view variables) {
  constexpr std::string_view kName = "REQUEST_METHOD=";
  const size_t at = variables.find(kName);
  if (at == std::string_view::npos) return Resend::kUnsafe;
  const std::string_view rest = variables.substr(at + kName.size());
  const std::string_view method = rest.substr(0, rest.find('\0'));
  for (const std::string_view safe : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}) {
    if (method == safe) return Resend::kSafe;
  }
  return Resend::kUnsafe;
}

}  // namespace

FastcgiConversation::FastcgiConversation(ConversationGround& ground, std::unique_ptr<apps::Lease> lease,
                                         const Question& question, Connections& connections)
    : EndpointConversation(ground, std::move(lease), question), connections_(connections) {}

Channel* FastcgiConversation::attach(const Question& question) {
  ask_if_necessary(Connections::Ask::kFirst, ground().loop.now() + kAnswerBeforeRequest);
  connection_ = connections_.lend(resend_of(question.variables));
  request_ = connection_->attach(*this);
  connections_.start(*connection_);
  if (is_over()) return nullptr;
  std::string& out = connection_->output();
  const size_t before = out.size();
  began_at_ = connection_->appended();
  const auto keep = connection_->keeps() ? wire::KeepConnection::kYes : wire::KeepConnection::kNo;
  wire::append_fastcgi_begin(request_, role_of(question.role), keep, out);
  if (!wire::append_fastcgi_params(request_, question.variables, out)) {
    out.resize(before);
    connection_->withdraw(request_);
    over({Kind::kBroken, 431, "a variable is longer than FastCGI can say (65535 bytes with its name)"},
         Outcome::kGivenUp);
    return nullptr;
  }
  // Until settle() ends it, which holds the lease a little longer: rarely, so with a new connection alone.
  if (connection_->served() == 0) ask_if_necessary(Connections::Ask::kBeside, loop::kNever);
  return connection_.get();
}

// Others may come to a connection that this request has begun alone.
bool FastcgiConversation::is_shared() const { return connections_.multiplexes() || !connection_->is_alone(); }

void FastcgiConversation::append(Input input, std::string_view bytes, std::string& out) {
  has_body_ = true;
  wire::append_fastcgi_stream(request_, input == Input::kBody ? FastcgiType::kStdin : FastcgiType::kData,
                              bytes, out);
}

void FastcgiConversation::append_end(Input input, std::string& out) {
  wire::append_fastcgi_stream_end(request_, input == Input::kBody ? FastcgiType::kStdin : FastcgiType::kData,
                                  out);
}

// An application that waits for the rest of a body is not told to stop by a record that it does not look for.
// One that takes one request at a time may read the record after its answer, where it expects the next
// request (libfcgi then closes the connection): so nothing is sent after it.
void FastcgiConversation::abort() {
  if (!is_shared() && (!connection_->is_open() || !is_input_complete())) return abandon();
  wire::append_fastcgi_abort(request_, connection_->output());
  connection_->flush(Channel::Flush::kNow);
  if (!is_shared()) connection_->retire();
}

void FastcgiConversation::leave() {
  if (connection_->is_alone()) return connection_->close();
  connection_->detach(request_);
  over({Kind::kBroken, 502, "the application did not end its answer"}, Outcome::kFailed);
}

void FastcgiConversation::request_ended(uint32_t app_status, FastcgiStatus status) {
  switch (status) {
    case FastcgiStatus::kRequestComplete: return ended_completely(app_status);
    case FastcgiStatus::kCannotMultiplex:
      connections_.refused_to_multiplex();
      return over({has_answered() ? Kind::kBroken : Kind::kNotBegun, 503,
                   "the application takes one request at a time over a connection"},
                  Outcome::kDeclined);
    case FastcgiStatus::kOverloaded:
      return over({has_answered() ? Kind::kBroken : Kind::kNotBegun, 503, "the application is overloaded"},
                  Outcome::kDeclined);
    case FastcgiStatus::kUnknownRole:
      return over({Kind::kBroken, 500, "the application does not have the role that it was asked for"},
                  Outcome::kAnswered);
  }
}

void FastcgiConversation::ended_completely(uint32_t app_status) {
  Verdict verdict{Kind::kWhole, 502, ""};
  if (app_status == wire::kFastcgiBrokenAnswer) {
    verdict = {Kind::kBroken, 502, "the application could not finish its answer"};
  } else if (app_status != 0) {
    verdict.trouble = fmt::format("the application ended the request with status {}", app_status);
  } else if (!has_answered()) {
    verdict.trouble = "the application ended the request";
  }
  over(std::move(verdict), Outcome::kAnswered);
}

void FastcgiConversation::connection_ended(const ChannelEnd& end) { lost(end, *connection_, began_at_); }

// --- GET_VALUES

void FastcgiConversation::ask_if_necessary(Connections::Ask when, loop::Time deadline) {
  if (!connections_.should_ask(when)) return;
  asking_.emplace(ground().loop);
  asking_->spawn(ask(when, deadline));
}

loop::Task<void> FastcgiConversation::ask(Connections::Ask when, loop::Time deadline) {
  const Trial trial = when == Connections::Ask::kFirst ? Trial::kTwoRequests : Trial::kNo;
  const auto values = co_await ask_values(ground().loop, *lease().endpoint(), trial, deadline);
  values ? connections_.answered(*values) : connections_.asked_in_vain();
}

loop::Task<void> FastcgiConversation::settle() {
  if (!asking_) co_return;
  asking_->set_deadline(ground().loop.now() + kAnswerAfterRequest);
  co_await asking_->join();
}

}  // namespace remuda::gateway::fastcgi
