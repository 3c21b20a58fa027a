// SPDX-License-Identifier: Apache-2.0
//
// `remuda advise URL|APP`: a trial for each model, the advice, the report. Servers that run are not touched.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "cli/advise/interrupt.h"
#include "cli/advise/private_config.h"
#include "cli/advise/private_directory.h"
#include "cli/advise/question.h"
#include "cli/advise/report.h"
#include "cli/advise/shown.h"
#include "cli/advise/trial.h"
#include "cli/commands.h"
#include "cli/describe.h"

namespace remuda::cli {
namespace {

using namespace advise;
using config::AppModel;
using config::Config;

int give_up(const Terminal& terminal, std::string_view why) {
  terminal.complain(fmt::format("remuda advise: {}", why));
  return kFailure;
}

// As many as the machine can work on, but more than one: instances are to be seen beside each other.
uint32_t usual_at_once(const Config& config) {
  return std::clamp<uint32_t>(config.workers.effective_threads(), 2, 8);
}

Report begin_report(const Config& config, const Question& question, const Effort& effort) {
  const config::App& app = config.apps[question.app];
  return {.app = app.name,
          .type = std::string(word_of(app.type)),
          .configured = std::string(word_of(app.model)),
          .url = fmt::format("http://{}{}", question.host, question.target),
          .source = name_of(config),
          .machine = this_machine(),
          .moment = this_moment(),
          .at_once = effort.at_once};
}

void try_models(Report& report, const Config& config, const Question& question, const Effort& effort,
                const PrivateDirectory& directory, Interrupt& interrupt, const Terminal& terminal) {
  for (const AppModel model : models_of(config.apps[question.app])) {
    if (interrupt.has_come()) return;
    terminal.complain(fmt::format("remuda advise: {}: {} requests, at most {} s", word_of(model),
                                  effort.requests,
                                  std::chrono::ceil<std::chrono::seconds>(effort.most_measuring).count()));
    const std::string place = directory.make(word_of(model));
    report.figures.push_back(try_model(config, question, model, effort, place, interrupt));
  }
}

// Whether it can be written is seen before anything is measured.
bool can_write(const std::string& path) { return std::ofstream(path, std::ios::app).is_open(); }

bool write_page(const std::string& path, const Report& report) {
  std::ofstream file(path, std::ios::trunc);
  file << report_page(report);
  return static_cast<bool>(file.flush());
}

int say_cannot_write(const Terminal& terminal, const std::string& path) {
  return give_up(terminal, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}

int conclude(const Report& report, const AdviseRequest& request, const Terminal& terminal) {
  terminal.print(request.form == AdviceForm::kJson ? report_json(report)
                 : report.advice.model             ? report_text(report)
                                                   : failure_text(report));
  if (!request.page.empty() && !write_page(request.page, report))
    return say_cannot_write(terminal, request.page);
  if (report.advice.model) return kSuccess;
  return give_up(terminal, fmt::format("application {} answers under no model", report.app));
}

int measure(const Config& config, const Question& question, const AdviseRequest& request,
            const Terminal& terminal) {
  const Effort effort{.requests = request.requests,
                      .at_once = request.at_once != 0 ? request.at_once : usual_at_once(config)};
  Interrupt interrupt;
  const PrivateDirectory directory;
  if (directory.path().empty())
    return give_up(terminal, fmt::format("cannot make a directory for it: {}", std::strerror(errno)));
  Report report = begin_report(config, question, effort);
  terminal.complain(
      fmt::format("remuda advise: GET {} of application {}: it really runs, and so does what it does",
                  report.url, report.app));
  try_models(report, config, question, effort, directory, interrupt, terminal);
  if (interrupt.has_come()) return 128 + interrupt.number();
  const config::App& app = config.apps[question.app];
  report.advice = advise::advise(report.figures, app.model);
  if (report.advice.model) report.line = configuration_line(config, app, *report.advice.model);
  return conclude(report, request, terminal);
}

}  // namespace

int advise_command(const Source& source, const AdviseRequest& request, const Terminal& terminal) {
  const auto config = load(source);
  if (!config) {
    terminal.report(config.error());
    return kFailure;
  }
  const auto question = find_question(*config, request.asked, request.path);
  if (!question) return give_up(terminal, question.error());
  if (!request.page.empty() && !can_write(request.page)) return say_cannot_write(terminal, request.page);
  return measure(*config, *question, request, terminal);
}

}  // namespace remuda::cli
