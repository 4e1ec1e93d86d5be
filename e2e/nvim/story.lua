-- A developer's day in Neovim, on a real cluster: open the Tiltfile, bring it
-- up, save, restart, stop at a breakpoint, take it down. The namespace is in
-- $NAMESPACE. Go looks at the cluster before and after.
local t, http, dap = require("towline"), require("http"), require("dap")
t.timeout = 240000
local namespace = assert(os.getenv("NAMESPACE"))

t.start()
t.open("Tiltfile", "tiltfile")

-- until_body waits until a URL answers as wanted, and returns that answer.
local function until_body(what, url, wanted)
  local last, found
  local stop = http.ask(url, function(body)
    last = body
    found = body and wanted(body) and body
    return found
  end)
  if not vim.wait(t.timeout, function() return found end, 5) then
    t.fail("waited in vain for %s; last: %s", what, vim.inspect(last))
  end
  stop()
  return found
end

local function pid_of(body) return tonumber(body:match("%(pid (%d+)%)")) end

local function ready(status)
  if not status.up or #status.resources == 0 then return false end
  for _, r in ipairs(status.resources) do
    if r.phase == "error" then t.fail("%s: %s", r.name, vim.inspect(r.problem)) end
    if r.phase ~= "ready" then return false end
    for _, target in ipairs(r.targets or {}) do
      if target.sync ~= "in-sync" then return false end
    end
  end
  return true
end

local function execute(command, argument)
  local result, problem = t.execute(command, argument)
  if problem then t.fail("%s: %s", command, vim.inspect(problem)) end
  return result
end

-- Up.
execute("towline.up", { namespace = namespace })
local status = t.status("the project to be ready", ready)
local first = t.resource(status, "api").targets[1]
local api, web = t.resource(status, "api").forwards[1].url, t.resource(status, "web").forwards[1].url
local greeted = until_body("a greeting", api, function(body) return body:find("^Hello, world!") end)
t.expect("pid in the answer", pid_of(greeted), first.pid)

-- An edit and :write are served by the pod.
local page = t.open("web/public/index.html", "html")
vim.api.nvim_buf_set_lines(page, 0, -1, false, { "<h1>written in Neovim</h1>" })
vim.cmd("write")
until_body("the written page", web, function(body) return body == "<h1>written in Neovim</h1>\n" end)

-- A restart gives a new process in the same container.
execute("towline.restart", { resource = "api" })
local restarted = pid_of(until_body("a new pid", api, function(body)
  local pid = pid_of(body)
  return pid and pid ~= first.pid
end))
status = t.status("the new pid in the status", function(now)
  local target = (t.resource(now, "api").targets or {})[1]
  return target and target.pid == restarted
end)
local now = t.resource(status, "api").targets[1]
t.expect("pod after the restart", now.pod_uid, first.pod_uid)
t.expect("restarts of the container", now.restarts, 0)

-- A breakpoint, by the configuration that the server gives for it.
local configuration = execute("towline.debug", { resource = "api" })
t.expect("type of the configuration", configuration.type, "towline")
t.expect("request of the configuration", configuration.request, "attach")
local code = t.open("api/main.go", "go")
local path, line = vim.api.nvim_buf_get_name(code), 0
for i, text in ipairs(vim.api.nvim_buf_get_lines(code, 0, -1, false)) do
  if text:find("return message", 1, true) then line = i end
end
local session = dap.start(t.program, { "dap", "--workspace", configuration.workspace })
session:attach({ resource = configuration.resource }, path, { line })
local stop = http.ask(api .. "/?name=neovim", function() end)
local stopped = session:event("stopped")
t.expect("reason of the stop", stopped.reason, "breakpoint")
local frame = session:request("stackTrace", { threadId = stopped.threadId, levels = 20 }).stackFrames[1]
t.expect("line of the stop", frame.line, line)
t.expect("file of the stop", frame.source.path, path)
t.expect("the variable", session:variable(frame.id, "message"), '"Hello, neovim!"')
stop()
session:breakpoints(path, {})
session:request("continue", { threadId = stopped.threadId })
session:finish()
t.expect("pid after debugging", pid_of(until_body("an answer after debugging", api, pid_of)), restarted)

-- Down; whether anything is left is asked of the cluster.
execute("towline.down", { wait = true, namespace = namespace })
t.done()
