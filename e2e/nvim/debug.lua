-- Debugging in Neovim what runs in pods, without a configuration: the file in
-- front says which resource is meant. Stop at a breakpoint, look at a variable,
-- edit, :write, and stop again in the new code. Go brings the project up; the
-- services are in $SERVICES as NAME:FILE:PORT, one a word.
local t, dap = require("towline"), require("dap")
t.timeout = 60000
t.start()
t.open("Tiltfile", "tiltfile")

-- say sends a line to a service, and returns where its answer will be.
local function say(port, line)
  local socket, answer = vim.loop.new_tcp(), {}
  socket:connect("127.0.0.1", tonumber(port), function(problem)
    if problem then answer.problem = problem return end
    socket:write(line .. "\n")
    socket:read_start(function(broken, data)
      if data then answer.text = (answer.text or "") .. data return end
      answer.ended, answer.problem = true, broken
      socket:close()
    end)
  end)
  return answer
end

local function answered(what, answer, want)
  t.wait("the answer of " .. what, function() return answer.ended or answer.problem end)
  t.expect("the answer of " .. what, answer.text or answer.problem, want .. "\n")
end

local function pid_of(status, name) return ((t.resource(status, name).targets or {})[1] or {}).pid end

for name, file, port in os.getenv("SERVICES"):gmatch("(%S+):(%S+):(%d+)") do
  local code = t.open(file, file:match("%.py$") and "python" or "javascript")
  local path, line = vim.api.nvim_buf_get_name(code), 0
  local lines = vim.api.nvim_buf_get_lines(code, 0, -1, false)
  for i, text in ipairs(lines) do
    if text:find("mark: answer", 1, true) then line = i end
  end
  local configuration, problem = t.execute("towline.debug", { uri = vim.uri_from_bufnr(code) })
  if problem then t.fail("towline.debug: %s", vim.inspect(problem)) end
  t.expect("the resource of " .. file, configuration.resource, name)
  local session = dap.start(t.program, { "dap", "--workspace", configuration.workspace })
  session:attach({ resource = configuration.resource }, path, { line })

  -- stops expects the program to stand at the breakpoint with its variable, and
  -- lets it go on.
  local function stops(what)
    local stopped = session:event("stopped")
    local frame = session:request("stackTrace", { threadId = stopped.threadId, levels = 20 }).stackFrames[1]
    t.expect(what .. ": line of the stop", frame.line, line)
    t.expect(what .. ": file of the stop", frame.source.path, path)
    t.expect(what .. ": the variable", session:variable(frame.id, "twice"), "8")
    session:request("continue", { threadId = stopped.threadId })
  end

  local answer = say(port, "nvim")
  stops(name)
  answered(name, answer, "hello nvim, 8")

  local pid = pid_of(t.status("the process of " .. name, function(status) return pid_of(status, name) end), name)
  for i, text in ipairs(lines) do
    lines[i] = text:gsub('"hello "', '"good evening "')
  end
  vim.api.nvim_buf_set_lines(code, 0, -1, false, lines)
  vim.cmd("write")
  t.status("the next process of " .. name, function(status)
    local now = pid_of(status, name)
    return now and now ~= 0 and now ~= pid
  end)
  answer = say(port, "nvim")
  stops(name .. " in the new code")
  answered(name .. " in the new code", answer, "good evening nvim, 8")
  session:finish()
end
t.done()
