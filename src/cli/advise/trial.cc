// SPDX-License-Identifier: Apache-2.0
//
// The phases, one function each.
#include "cli/advise/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "cli/advise/asking.h"
#include "cli/advise/log_reasons.h"
#include "cli/advise/private_config.h"
#include "cli/advise/private_server.h"
#include "cli/advise/process_tree.h"
#include "http/status.h"

namespace remuda::cli::advise {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;
using apps::TemplateStatus;

constexpr seconds kMostSettling{30};
constexpr seconds kMostWarming{10};
constexpr seconds kMostRemembering{3};
constexpr milliseconds kCalm{60};  // until who answered last has ended and was waited for
constexpr seconds kSoon{1};        // what the server counts and writes a moment after its answer

class Trial {
 public:
  Trial(PrivateServer& server, const Question& question, const config::App& app, const Effort& effort,
        Interrupt& interrupt, Figures& figures)
      : server_(server),
        asking_{server.socket(), question.host, question.target},
        app_(app),
        effort_(effort),
        interrupt_(interrupt),
        figures_(figures) {}

  void run() {
    if (first() && settle() && warm_up() && measure()) remember();
    if (const auto status = server_.status()) figures_.starts = status->starts;
    if (interrupt_.has_come()) figures_.trouble = "interrupted";
  }

 private:
  // Loading an application may take as long as its template may; then it has its time limit, if there is one.
  bool first() {
    const milliseconds most =
        app_.preloaded.start_timeout + std::max<milliseconds>(app_.time_limit, seconds(60));
    const Answers answers = send({.requests = 1, .at_once = 1, .most = most});
    if (answers.answered() == 0) return give_up(answers, most);
    figures_.first = answers.latencies.front();
    return application_was_asked();
  }

  // The server counts a request a moment after its answer.
  bool application_was_asked() {
    const Clock::time_point until = Clock::now() + kSoon;
    while (true) {
      const auto status = server_.status();
      if (status && status->requests > 0) return true;
      if (Clock::now() >= until || interrupt_.has_come()) break;
      interrupt_.pause(milliseconds(10));
    }
    figures_.trouble = "the application was not asked: the server answers that itself, with a file";
    return false;
  }

  bool settle() {
    const Clock::time_point until = Clock::now() + kMostSettling;
    const auto is_loading = [](const TemplateStatus& each) {
      return each.state == TemplateStatus::State::kLoading;
    };
    auto status = server_.status();
    while ((!status || std::ranges::any_of(status->templates, is_loading)) && Clock::now() < until &&
           !interrupt_.has_come()) {
      interrupt_.pause(milliseconds(20));
      status = server_.status();
    }
    if (status) note_templates(status->templates);
    return !interrupt_.has_come();
  }

  void note_templates(const std::vector<TemplateStatus>& templates) {
    for (const TemplateStatus& each : templates) {
      if (each.pid != 0) templates_.push_back(each.pid);
      if (each.state != TemplateStatus::State::kFailed) continue;
      const std::string why = each.lines.empty() ? "" : ": " + each.lines.back();
      figures_.remarks.push_back("no template could be loaded" + why);
    }
  }

  bool warm_up() {
    const Answers answers =
        send({.requests = 2 * effort_.at_once, .at_once = effort_.at_once, .most = kMostWarming});
    return answers.answered() > 0 || give_up(answers, kMostWarming);
  }

  bool measure() {
    interrupt_.pause(kCalm);
    const Processor before = used_by(process_tree(server_.pid()));
    figures_.answers =
        send({.requests = effort_.requests, .at_once = effort_.at_once, .most = effort_.most_measuring});
    interrupt_.pause(kCalm);
    const std::vector<Process> tree = process_tree(server_.pid());
    const Processor after = used_by(tree);
    const uint32_t count = figures_.answers.answered() + figures_.answers.failed;
    if (count == 0) return give_up(figures_.answers, effort_.most_measuring);
    figures_.processor = {.server = (after.server - before.server) / count,
                          .application = (after.application - before.application) / count};
    figures_.memory.at_rest = memory_of(tree, templates_).proportional;
    note_answers(count);
    return figures_.answers.failed == 0 || explain_failures();
  }

  void note_answers(uint32_t count) {
    const Answers& answers = figures_.answers;
    const auto most = std::chrono::ceil<seconds>(effort_.most_measuring).count();
    if (answers.unfinished > 0)
      figures_.remarks.push_back(fmt::format("{} s were over after {} requests", most, count));
    for (const auto& [status, number] : answers.statuses) {
      if (status > 200 && status < 400)
        figures_.remarks.push_back(
            fmt::format("{} answered {} {}", number, status, http::reason_phrase(status)));
    }
  }

  // Looking costs processor time, so it has requests of its own.
  void remember() {
    Memory& memory = figures_.memory;
    const auto look = [&] {
      const MemoryNow now = memory_of(process_tree(server_.pid()), templates_);
      memory.at_peak = std::max(memory.at_peak, now.proportional);
      if (now.answering.empty()) return;
      uint64_t sum = 0;
      for (const uint64_t each : now.answering) sum += each;
      memory.each = std::max(memory.each, sum / now.answering.size());
    };
    const uint32_t requests = std::max(2 * effort_.at_once, effort_.requests / 4);
    send({.requests = requests, .at_once = effort_.at_once, .most = kMostRemembering}, look);
    memory.at_peak = std::max(memory.at_peak, memory.at_rest);
  }

  Answers send(const Amount& amount, const std::function<void()>& meanwhile = {}) {
    Answers answers = ask(asking_, amount, interrupt_, meanwhile);
    figures_.requests += answers.sent;
    return answers;
  }

  bool give_up(const Answers& answers, milliseconds most) {
    if (answers.failed == 0) {
      figures_.trouble = fmt::format("no answer within {} s", std::chrono::ceil<seconds>(most).count());
      return false;
    }
    figures_.trouble = answers.first_failure;
    const std::string reason = reason_when_written();
    if (!reason.empty()) figures_.trouble += ": " + reason;
    figures_.details = said_in(server_.log());
    return false;
  }

  bool explain_failures() {
    const std::string reason = reason_when_written();
    if (!reason.empty()) figures_.answers.first_failure += ": " + reason;
    return true;
  }

  // The log is written by another process, a moment after the answer.
  std::string reason_when_written() {
    const Clock::time_point until = Clock::now() + kSoon;
    std::string reason = reason_in(server_.log());
    while (reason.empty() && Clock::now() < until && !interrupt_.has_come()) {
      interrupt_.pause(milliseconds(20));
      reason = reason_in(server_.log());
    }
    return reason;
  }

  PrivateServer& server_;
  const Asking asking_;
  const config::App& app_;
  const Effort& effort_;
  Interrupt& interrupt_;
  Figures& figures_;
  std::vector<pid_t> templates_;
};

}  // namespace

Figures try_model(const config::Config& config, const Question& question, config::AppModel model,
                  const Effort& effort, const std::string& directory, Interrupt& interrupt) {
  Figures figures{.model = model};
  const auto changed = private_config(config, question.app, model, directory);
  if (!changed) {
    figures.trouble = changed.error();
    return figures;
  }
  auto server = PrivateServer::start(*changed, directory, interrupt);
  if (!server) {
    figures.trouble = server.error();
    return figures;
  }
  Trial(*server, question, changed->apps.front(), effort, interrupt, figures).run();
  return figures;
}

}  // namespace remuda::cli::advise
