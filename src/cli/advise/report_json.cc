// SPDX-License-Identifier: Apache-2.0
//
// The report for programs. Times in microseconds, memory in bytes; the JSON library stays inside.
#include <nlohmann/json.hpp>

#include "cli/advise/report.h"
#include "cli/describe.h"

namespace remuda::cli::advise {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Figures& its) {
  const Answers& answers = its.answers;
  Json object{{"model", word_of(its.model)}, {"works", its.works()}, {"trouble", its.trouble}};
  object["details"] = its.details;
  object["remarks"] = its.remarks;
  object["requests"] = its.requests;
  object["starts"] = its.starts;
  object["answered"] = answers.answered();
  object["failed"] = answers.failed;
  object["unfinished"] = answers.unfinished;
  object["first_failure"] = answers.first_failure;
  Json statuses = Json::object();
  for (const auto& [status, count] : answers.statuses) statuses[std::to_string(status)] = count;
  object["statuses"] = std::move(statuses);
  object["first_us"] = its.first.count();
  object["rate"] = answers.rate();
  object["p50_us"] = percentile(answers.latencies, 50).count();
  object["p99_us"] = percentile(answers.latencies, 99).count();
  object["cpu_us"] = {{"server", its.processor.server.count()},
                      {"application", its.processor.application.count()}};
  object["pss_bytes"] = {{"at_rest", its.memory.at_rest}, {"at_peak", its.memory.at_peak}};
  object["each_bytes"] = its.memory.each;
  object["content"] = {{"size", answers.content.size}, {"constant", answers.content.is_constant}};
  return object;
}

}  // namespace

std::string report_json(const Report& report) {
  Json object{{"application", report.app}, {"type", report.type}, {"url", report.url}};
  object["configuration"] = report.source;
  object["configured"] = report.configured;
  object["machine"] = report.machine;
  object["date"] = report.moment;
  object["at_once"] = report.at_once;
  object["models"] = Json::array();
  for (const Figures& each : report.figures) object["models"].push_back(json_of(each));
  object["advice"] = report.advice.model ? Json(word_of(*report.advice.model)) : Json();
  object["evidence"] = report.advice.sentences;
  object["line"] = report.line;
  return object.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace remuda::cli::advise
