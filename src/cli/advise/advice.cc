// SPDX-License-Identifier: Apache-2.0
//
// Who is a candidate, who is the best of them, and a sentence for each of the others.
#include "cli/advise/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cli/advise/shown.h"
#include "cli/describe.h"
#include "cli/units.h"

namespace remuda::cli::advise {
namespace {

using config::AppModel;
using Candidates = std::vector<const Figures*>;

// Whoever answers otherwise than the configured model does (or the first that works) is no candidate.
const Figures* reference_of(const std::vector<Figures>& figures, AppModel configured) {
  const Figures* reference = nullptr;
  for (const Figures& each : figures) {
    if (!each.works() || each.answers.failed > 0) continue;
    if (reference == nullptr || each.model == configured) reference = &each;
  }
  return reference;
}

bool answers_otherwise(const Figures& figures, const Figures& reference) {
  const Content& mine = figures.answers.content;
  const Content& other = reference.answers.content;
  return mine.is_constant && other.is_constant && mine != other;
}

Candidates candidates_of(const std::vector<Figures>& figures, const Figures& reference) {
  Candidates candidates;
  for (const Figures& each : figures) {
    if (each.works() && each.answers.failed == 0 && !answers_otherwise(each, reference))
      candidates.push_back(&each);
  }
  return candidates;
}

// Nobody answered everything: whoever answered most.
const Figures* least_failed(const std::vector<Figures>& figures) {
  const Figures* best = nullptr;
  const auto share = [](const Figures& each) {
    return static_cast<double>(each.answers.failed) / (each.answers.failed + each.answers.answered());
  };
  for (const Figures& each : figures) {
    if (each.works() && (best == nullptr || share(each) < share(*best))) best = &each;
  }
  return best;
}

// Microseconds for a request: of the processor, or of the clock where a processor's time was not seen.
double cost(const Figures& figures, const Candidates& all) {
  const bool seen =
      std::ranges::all_of(all, [](const Figures* each) { return each->processor.total() > Micros::zero(); });
  return seen ? static_cast<double>(figures.processor.total().count()) : 1e6 / figures.answers.rate();
}

const Figures* best_of(const Candidates& candidates) {
  double least = cost(*candidates.front(), candidates);
  for (const Figures* each : candidates) least = std::min(least, cost(*each, candidates));
  return *std::ranges::find_if(
      candidates, [&](const Figures* each) { return cost(*each, candidates) <= least * kHardlyMore; });
}

// "51 x as many requests a second as fork and 270 x as many as exec"
std::string rates_compared(const Figures& chosen, const Candidates& others) {
  std::string text;
  for (const Figures* other : others) {
    const std::string times = shown_times(chosen.answers.rate() / other->answers.rate());
    text += text.empty() ? fmt::format("{} as many requests a second as {}", times, word_of(other->model))
                         : fmt::format(" and {} as many as {}", times, word_of(other->model));
  }
  return text;
}

// "with 52us of processor time for each instead of 5.55ms and 31.7ms"
std::string times_compared(const Figures& chosen, const Candidates& others) {
  std::string text;
  for (const Figures* other : others)
    text += fmt::format("{}{}", text.empty() ? "" : " and ", shown_micros(other->processor.total()));
  return fmt::format("with {} of processor time for each instead of {}",
                     shown_micros(chosen.processor.total()), text);
}

std::string compared(const Figures& chosen, const Candidates& others) {
  if (others.empty()) return {};
  return fmt::format("{} answers {}, {}.", word_of(chosen.model), rates_compared(chosen, others),
                     times_compared(chosen, others));
}

// "fork holds 9.8 MiB while nobody asks and 12.5 MiB at most; exec 0 B and 16.4 MiB."
std::string held(const Figures& chosen, const Candidates& others) {
  if (chosen.memory.at_peak == 0) return {};
  std::string text = fmt::format("{} holds {} while nobody asks and {} at most", word_of(chosen.model),
                                 shown_size(chosen.memory.at_rest), shown_size(chosen.memory.at_peak));
  for (const Figures* other : others) {
    if (other->memory.at_peak == 0) continue;
    text += fmt::format("; {} {} and {}", word_of(other->model), shown_size(other->memory.at_rest),
                        shown_size(other->memory.at_peak));
  }
  return text + ".";
}

std::string not_chosen(const Figures& figures, const Figures& reference) {
  const std::string_view model = word_of(figures.model);
  if (!figures.works()) return fmt::format("{} does not work: {}.", model, figures.trouble);
  if (figures.answers.failed > 0) {
    return fmt::format("{} failed {} of {} requests, the first with {}.", model, figures.answers.failed,
                       figures.answers.failed + figures.answers.answered(), figures.answers.first_failure);
  }
  if (answers_otherwise(figures, reference)) {
    return fmt::format("{} answers otherwise: {} where {} sends {}; look at that first.", model,
                       shown_size(figures.answers.content.size), word_of(reference.model),
                       shown_size(reference.answers.content.size));
  }
  return {};
}

// What only an instance does, and what was seen of it.
std::string keeping(const Figures& chosen, const std::vector<Figures>& figures) {
  if (chosen.model != AppModel::kPool || figures.size() == 1) return {};
  const auto constant = std::ranges::find_if(
      figures, [](const Figures& each) { return each.works() && each.answers.content.is_constant; });
  if (constant == figures.end() || chosen.answers.content.is_constant)
    return "Its processes answer many requests, and what one leaves behind the next one finds: that was not "
           "looked at.";
  return fmt::format(
      "Its answers change from request to request, those of {} do not: look whether one request sees "
      "what another left behind.",
      word_of(constant->model));
}

void add(std::vector<std::string>& sentences, std::string sentence) {
  if (!sentence.empty()) sentences.push_back(std::move(sentence));
}

// Those that could have been chosen, the one that is nearest to what was chosen first.
Candidates others_of(const Figures& chosen, Candidates candidates) {
  std::erase(candidates, &chosen);
  std::ranges::stable_sort(candidates, {}, [&](const Figures* each) {
    return std::abs(static_cast<int>(each->model) - static_cast<int>(chosen.model));
  });
  return candidates;
}

std::vector<std::string> evidence(const Figures& chosen, const std::vector<Figures>& figures,
                                  const Candidates& candidates, const Figures& reference) {
  std::vector<std::string> sentences;
  const Candidates others = others_of(chosen, candidates);
  if (figures.size() == 1)
    sentences.push_back(
        fmt::format("{} is the only model that it can run under here.", word_of(chosen.model)));
  add(sentences, compared(chosen, others));
  add(sentences, held(chosen, others));
  for (const Figures& each : figures) {
    if (&each != &chosen) add(sentences, not_chosen(each, reference));
    for (const std::string& remark : each.remarks)
      sentences.push_back(fmt::format("{}: {}.", word_of(each.model), remark));
  }
  add(sentences, keeping(chosen, figures));
  return sentences;
}

}  // namespace

Advice advise(const std::vector<Figures>& figures, AppModel configured) {
  const Figures* const reference = reference_of(figures, configured);
  if (reference != nullptr) {
    const Candidates candidates = candidates_of(figures, *reference);
    const Figures* const chosen = best_of(candidates);
    return {chosen->model, evidence(*chosen, figures, candidates, *reference)};
  }
  const Figures* const best = least_failed(figures);
  if (best == nullptr) return {};
  Advice advice{best->model, evidence(*best, figures, {best}, *best)};
  advice.sentences.insert(
      advice.sentences.begin(),
      fmt::format("No model answered every request; {} failed least: {}, {}.", word_of(best->model),
                  best->answers.failed, best->answers.first_failure));
  return advice;
}

std::string configuration_line(const config::Config& config, const config::App& app, AppModel model) {
  const config::Origin said = config.origin_of(fmt::format("app.{}.model", app.name));
  const bool is_said = said.kind != config::Origin::Kind::kDefault;
  const std::string line = fmt::format("model = \"{}\"", word_of(model));
  std::string where = fmt::format("in [app.{}], {}", app.name, to_string(is_said ? said : app.origin));
  if (config.file.empty())
    where = fmt::format("in [app.{}] of the file that remuda serve {} --print-config writes", app.name,
                        config.identity);
  if (app.model == model)
    return fmt::format("{}  # {}: already so{}", line, where, is_said ? "" : ", unsaid");
  return fmt::format("{}  # {}{}", line, where,
                     is_said ? fmt::format(", instead of \"{}\"", word_of(app.model)) : "");
}

}  // namespace remuda::cli::advise
