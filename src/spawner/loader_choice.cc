// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/loader_choice.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "spawner/clock.h"
#include "spawner/elf_file.h"

namespace remuda::spawner {

namespace {

constexpr size_t kHead = 4096;

LoaderCommand impossible(std::string why) {
  LoaderCommand command;
  command.why_not = std::move(why);
  return command;
}

bool is_there(const std::string& path) { return access(path.c_str(), R_OK) == 0; }

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// "python3.11" of "python"
bool is_named(std::string_view interpreter, std::string_view language) {
  const std::string_view name = base_name(interpreter);
  return name.starts_with(language) &&
         name.find_first_not_of("0123456789.", language.size()) == std::string_view::npos;
}

std::string found_in(std::string_view search_path, std::string_view name) {
  while (!search_path.empty()) {
    const std::string_view directory = search_path.substr(0, search_path.find(':'));
    search_path.remove_prefix(std::min(directory.size() + 1, search_path.size()));
    const std::string path = std::string(directory).append("/").append(name);
    if (directory.starts_with('/') && access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// What runs a script: the file, the name that it is given, and its argument.
struct Interpreter {
  std::string path;
  std::string name;
  std::string argument;
};

// What "#!/usr/bin/env [-S] NAME ARGUMENT" runs; env itself where the line says more.
Interpreter interpreter_of(const ScriptLine& line, std::string_view search_path) {
  const Interpreter as_written{line.interpreter, line.interpreter, line.argument};
  if (base_name(line.interpreter) != "env") return as_written;
  std::string_view rest = line.argument;
  const bool split = rest.starts_with("-S");
  if (split) rest.remove_prefix(std::min(rest.find_first_not_of(" \t", 2), rest.size()));
  const size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view name = rest.substr(0, end);
  // Settings, quotes and options are env's own affair: such a line runs env.
  if (name.empty() || rest.find_first_of("=\"'\\$-") < end || (end < rest.size() && !split))
    return as_written;
  const std::string_view argument = rest.substr(std::min(rest.find_first_not_of(" \t", end), rest.size()));
  if (argument.find_first_of(" \t\"'\\$") != std::string_view::npos) return as_written;
  std::string path = name.contains('/') ? std::string(name) : found_in(search_path, name);
  if (path.empty()) return as_written;
  return {std::move(path), std::string(name), std::string(argument)};
}

LoaderCommand interpreted(const Interpreter& by, const std::string& loader, const std::string& program) {
  if (!is_there(loader)) return impossible(loader + " is not there");
  LoaderCommand command{.path = by.path, .arguments = {by.path}};
  if (!by.argument.empty()) command.arguments.push_back(by.argument);
  command.arguments.push_back(loader);
  command.arguments.push_back(program);
  return command;
}

// What the preload library was linked for as well: the loader that this process itself has.
const std::string& own_dynamic_loader() {
  static const std::string own = interpreter_of_elf(read_head("/proc/self/exe", kHead));
  return own;
}

// Why a library cannot be loaded into it; empty if it can.
std::string why_no_preload(const std::string& binary) {
  struct stat status{};
  if (stat(binary.c_str(), &status) < 0) return binary + " cannot be looked at";
  if ((status.st_mode & (S_ISUID | S_ISGID)) != 0) return binary + " is setuid or setgid";
  if (getxattr(binary.c_str(), "security.capability", nullptr, 0) > 0) return binary + " has capabilities";
  const std::string head = read_head(binary.c_str(), kHead);
  if (head.empty()) return binary + " cannot be read";
  if (head.starts_with("#!")) return binary + " is a script that runs scripts";
  const std::string loader = interpreter_of_elf(head);
  if (loader.empty()) return binary + " is not linked dynamically";
  if (loader != own_dynamic_loader()) return binary + " wants the dynamic loader " + loader;
  return {};
}

LoaderCommand preloaded(const std::string& binary, std::vector<std::string> arguments,
                        const std::string& library) {
  if (!is_there(library)) return impossible(library + " is not there");
  if (std::string why = why_no_preload(binary); !why.empty()) return impossible(std::move(why));
  return {.path = binary, .arguments = std::move(arguments), .preload = library};
}

}  // namespace

FileIdentity identity_of(const char* path) {
  struct stat status{};
  if (stat(path, &status) < 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec,
          .changed = status.st_ctim.tv_sec * kSecond + status.st_ctim.tv_nsec};
}

LoaderCommand choose_loader(const std::string& program, const std::string& loaders,
                            std::string_view search_path) {
  const ScriptLine line = script_line(read_head(program.c_str(), kHead));
  const std::string library = loaders + "/libremuda_preload.so";
  if (line.interpreter.empty()) return preloaded(program, {program}, library);
  const Interpreter by = interpreter_of(line, search_path);
  if (is_named(by.path, "python")) return interpreted(by, loaders + "/python/remuda_cgi.py", program);
  if (is_named(by.path, "perl")) return interpreted(by, loaders + "/perl/remuda_cgi.pl", program);
  if (is_named(by.path, "ruby")) return interpreted(by, loaders + "/ruby/remuda_cgi.rb", program);
  std::vector<std::string> arguments{by.name};
  if (!by.argument.empty()) arguments.push_back(by.argument);
  arguments.push_back(program);
  return preloaded(by.path, std::move(arguments), library);
}

}  // namespace remuda::spawner
