-- A client of the Debug Adapter Protocol over the standard streams of
-- `towline dap`, as an editor's plug-in has one.

local t = require("towline")
local M = {}
M.__index = M

-- start runs the adapter with the given arguments.
function M.start(program, args)
  local self = setmetatable({ seq = 0, events = {}, answers = {}, buffer = "" }, M)
  self.input, self.output, self.errors = vim.loop.new_pipe(false), vim.loop.new_pipe(false), vim.loop.new_pipe(false)
  local problem
  self.process, problem = vim.loop.spawn(program, { args = args, stdio = { self.input, self.output, self.errors } },
    function(code) self.exit_code = code end)
  if not self.process then t.fail("starting %s: %s", program, problem) end
  self.said = ""
  self.errors:read_start(function(_, data) self.said = self.said .. (data or "") end)
  self.output:read_start(function(_, data) self:receive(data or "") end)
  return self
end

-- receive cuts the stream into messages.
function M:receive(data)
  self.buffer = self.buffer .. data
  while true do
    local stop, length = select(2, self.buffer:find("\r\n\r\n", 1, true)), self.buffer:match("Content%-Length: *(%d+)")
    if not stop or #self.buffer < stop + tonumber(length) then return end
    local message = vim.json.decode(self.buffer:sub(stop + 1, stop + tonumber(length)))
    self.buffer = self.buffer:sub(stop + tonumber(length) + 1)
    if message.type == "response" then
      self.answers[message.request_seq] = message
    elseif message.type == "event" then
      table.insert(self.events, message)
    end
  end
end

-- request asks and waits; a refusal ends the script.
function M:request(command, arguments)
  self.seq = self.seq + 1
  local seq = self.seq
  local body = vim.json.encode({ seq = seq, type = "request", command = command, arguments = arguments })
  self.input:write("Content-Length: " .. #body .. "\r\n\r\n" .. body)
  local answer = t.wait("the answer to " .. command .. " " .. self.said, function() return self.answers[seq] end)
  if not answer.success then t.fail("%s: %s", command, vim.inspect(answer)) end
  return answer.body
end

-- event waits for the next event of a name and takes it away.
function M:event(name)
  local found = t.wait("the event " .. name .. " " .. self.said, function()
    for i, event in ipairs(self.events) do
      if event.event == name then return { index = i, event = event } end
    end
  end)
  table.remove(self.events, found.index)
  return found.event.body
end

-- attach begins a session with breakpoints on lines of one file.
function M:attach(arguments, path, lines)
  self:request("initialize", { clientID = "neovim", adapterID = "towline", pathFormat = "path", linesStartAt1 = true, columnsStartAt1 = true })
  self:request("attach", arguments)
  self:event("initialized")
  self:breakpoints(path, lines)
  self:request("configurationDone", vim.empty_dict())
end

-- breakpoints replaces those of a file.
function M:breakpoints(path, lines)
  local wanted = vim.tbl_map(function(line) return { line = line } end, lines)
  return self:request("setBreakpoints", { source = { path = path }, breakpoints = wanted }).breakpoints
end

-- variable returns the value of a variable of a frame, whatever its scope.
function M:variable(frame, name)
  for _, scope in ipairs(self:request("scopes", { frameId = frame }).scopes) do
    for _, v in ipairs(self:request("variables", { variablesReference = scope.variablesReference }).variables) do
      if v.name == name then return v.value end
    end
  end
  t.fail("frame %d has no variable %s", frame, name)
end

-- finish ends the session; the program runs on.
function M:finish()
  self:request("disconnect", vim.empty_dict())
  self.input:close()
  t.expect("exit code of the adapter", t.wait("the adapter to end", function() return self.exit_code end), 0)
end

return M
