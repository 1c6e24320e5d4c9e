# What a household reads, in English. Every other language has the same messages in a file of its own beside this one;
# one that `crates/pages/texts` does not have brings those messages along as well.

### Where the request stands: the page's heading, a badge, and what it means and what to do

title-asked = Share data from your home
badge-asked = waiting for you
lead-asked = { $operator } asks for data from your home. Scan this code with your AIIDA to see the request there. Nothing is shared before you accept it.
title-overdue = Share data from your home
badge-overdue = waiting for you
lead-overdue = { $operator } asks for data from your home. Scan this code with your AIIDA to see the request there. Nothing is shared before you accept it.
title-seen = Now decide in your AIIDA
badge-seen = waiting for your decision
lead-seen = Your AIIDA has fetched the request. Look at it there, and accept or decline. Nothing is shared before you accept.
title-expired = This code has expired
badge-expired = expired
lead-expired = Nobody answered in time, so the code opens nothing any more. Nothing is shared. If you still want to, ask for a new code.
title-awaited = Accepted
badge-awaited = accepted
lead-awaited = Your AIIDA has accepted and is about to connect. This page shows it as soon as something arrives.
title-planned = Accepted
badge-planned = accepted
lead-planned = Your AIIDA has accepted. Data flows from { $day } on; until then there is nothing for you to do.
title-silent = Nothing has arrived yet
badge-silent = accepted, but not connected
lead-silent = Your AIIDA has accepted, but nothing has arrived from it. What helps stands below.
title-unseen = Accepted
badge-unseen = accepted
lead-unseen = Your AIIDA has accepted. For this it only receives, so we cannot see from here whether it is connected. If it does not show this request as active, remove it there and ask for a new code here.
title-active = Connected
badge-active = connected
lead-active = Your AIIDA is connected. You can withdraw in your AIIDA at any time.
title-reading = Readings are arriving
badge-reading = connected
lead-reading = Everything works: there is nothing more for you to do. You can withdraw in your AIIDA at any time.
title-quiet = No new readings
badge-quiet = connected, but silent
lead-quiet = Readings have arrived before, but none for a while. They may be paused, or your AIIDA is switched off or offline. As soon as it is back, it goes on by itself.
title-rejected = You have declined
badge-rejected = declined
lead-rejected = Nothing is shared, and there is nothing for you to do. If you did not mean to, ask for a new code.
title-unfulfillable = Your AIIDA cannot deliver this
badge-unfulfillable = not possible
lead-unfulfillable = It answered that it has nothing that fits the request. Nothing is shared. Connect your meter or device to your AIIDA and ask for a new code, or ask { $operator }.
title-revoked = You have withdrawn
badge-revoked = withdrawn
lead-revoked = Nothing more is shared, and there is nothing for you to do. To have erased what was sent before, ask { $operator }. If you change your mind, ask for a new code.
title-fulfilled = Completed
badge-fulfilled = completed
lead-fulfilled = The agreed time is over. Nothing more is shared, and there is nothing for you to do. To have erased what was sent, ask { $operator }.
title-ended = Ended by { $operator }
badge-ended = ended
lead-ended = Nothing more is shared. Your AIIDA is told as soon as it is online; there is nothing for you to do. To have erased what was sent, ask { $operator }.
title-closed = This request is closed
badge-closed = closed
lead-closed = Nothing is shared. If you have questions, or still want to, ask { $operator }.

### The code

scan-how = How it goes
scan-open = Open your AIIDA, in its app or its page, and choose to add a request.
scan-scan = Scan the code, or paste it as text.
scan-decide = Look at what is asked, and accept or decline. You need not come back here.
scan-aiida = AIIDA is the device or the app in your home that reads your meter. It hands on nothing that you have not accepted.
code-picture = QR code of the request
code-text = The same code as text
code-hint = For an AIIDA on this same device, or one without a camera: copy the text and paste it there.
code-copy = Copy the code
code-copied = Copied. Now paste it in your AIIDA.
code-selected = The text is selected: copy it now.
code-again = Show the code again
code-older = My AIIDA is older and does not know this code
code-older-text = This is the code for an AIIDA of 2025.
code-older-of = My AIIDA is older: code for “{ $name }”
code-current = Show the code for newer AIIDA
code-until = The code is good until { $time }.

### Help

help-scan = I have scanned it, and nothing happens
help-scan-online = Your AIIDA must be able to reach { $host }: look whether it is online.
help-scan-light = Let the code fill the camera's picture, and make the screen brighter; or copy the code as text.
help-scan-older = If your AIIDA says that it does not understand the code, try the one for older AIIDA.
help-silent = What you can do
help-silent-active = Look at the request in your AIIDA. If it is not shown there as active, remove it there and ask for a new code here.
help-silent-online = Is your AIIDA switched on and online? It sends to { $broker }; a firewall in between must let that out.
help-silent-meter = Does your AIIDA show values of your meter? If not, look at the cable between the two, and whether your grid operator has opened the meter's interface for you.
help-contact = If nothing of this helps, ask { $operator }
again = Ask for a new code
leave = This page shows by itself when something changes. You may close it and come back to the same address.

### Steps

steps = How far it is
step-scan = Code scanned
step-accept = Accepted in your AIIDA
step-connect = AIIDA connected
step-reading = First reading received
step-done = done
step-now = now
step-missing = missing
step-later = to come

### The last values

values = Last values
values-at = Measured

### What is asked

asked = What is asked
asked-over = What was asked
asked-purpose = What for
asked-what = What flows
asked-often = How often
asked-when = When
asked-commands = { $operator } may also
asked-policy = More about it
asked-policy-link = Privacy policy for this data (opens a new page)
asked-withdraw = How to withdraw
asked-withdraw-text = In your AIIDA, at any time.
what-readings = readings of your smart meter
what-readings-all = readings of your smart meter, all its values
what-limits-passed = limits that your home has received, passed on
what-messages-passed = messages of a device in your home, passed on
what-limits = limits for how much your home takes or feeds in, sent to your home
what-messages = messages for a device, sent to your home
when-range = from { $start } to { $end }
when-open = from { $start } until you withdraw
when-over = the days it was meant for are over
command-schedule = change how often your home sends
command-pause = pause the sending and resume it

### Values by their meaning; the codes are OBIS (IEC 62056-61)

meaning-energy-in = energy taken from the grid
meaning-energy-out = energy fed into the grid
meaning-power-in = power taken from the grid
meaning-power-out = power fed into the grid
meaning-power-sum = power, taken minus fed in
meaning-reactive-energy-in = reactive energy, taken
meaning-reactive-energy-out = reactive energy, fed in
meaning-reactive-in = reactive power, taken
meaning-reactive-out = reactive power, fed in
meaning-reactive = reactive power
meaning-voltage = voltage
meaning-current = current
meaning-current-neutral = current of the neutral wire
meaning-current-most = highest current
meaning-frequency = frequency of the grid
meaning-power-factor = power factor
meaning-meter-number = number of the meter
meaning-meter-clock = clock of the meter
meaning-other-meter = reading of a further meter (gas, water or heat)
meaning-phase = { $what }, phase { $phase }
meaning-tariff = { $what }, tariff { $tariff }
meaning-unknown = value { $code }

### Schedules

often-seconds = { $count ->
    [one] every second
   *[other] every { $count } seconds
 }
often-minutes = { $count ->
    [one] every minute
   *[other] every { $count } minutes
 }
often-hours = { $count ->
    [one] every hour
   *[other] every { $count } hours
 }
often-about = about { $rhythm }
often-a-minute = { $count } times a minute
often-an-hour = { $count } times an hour
often-a-day = { $count } times a day
often-at = at { $times } (UTC)
often-between = { $rhythm }, between { $from } and { $until } (UTC)
often-on = { $rhythm }, { $days }
often-set = at set times, next on { $time }
days-every = every day
days-range = { $first } to { $last }
days-month = on day { $days } of each month
days-count = on { $count } days of each month
days-day = { $day }
list-and = { $first } and { $last }
weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday

### Asking by a link

ask-title = Share data from your home
ask-lead = { $operator } asks for data from your home. On the next page is a code for your AIIDA, which shows you the request. Nothing is shared before you accept it there.
ask-button = Show the code

### Pages that say what happened and what to do

contact = Contact
incomplete-title = This link is not complete
incomplete-text = Nothing was asked for.
incomplete-next = Please tell whoever gave you the link what stands below.
needs-title = This cannot be asked for
needs-text = Nothing was asked for.
needs-next = Please tell whoever gave you the link what stands below.
full-title = Too many requests at the moment
full-text = Nothing was asked for, and it is not your fault.
full-next = Please try again later today.
closed-title = Not asked for here
closed-text = Nothing was asked for.
closed-next = Please ask whoever gave you the link for a page of your own.
nothing-title = Nothing to ask for again
nothing-text = The code that you have is still good, or what it was for has come to its end.
nothing-next = Go back to the page that you came from.
unknown-title = No such page
unknown-text = The address is mistyped, or what it showed has been erased.
unknown-next = Look at the address again, or ask whoever gave it to you for a new one.
trouble-title = Something went wrong on our side
trouble-text = This is not your fault, and nothing is lost.
trouble-next = Please load this page again in a minute.
method-title = Not possible here
method-text = This address is not used in this way.
method-next = Go back to the page that you came from.
