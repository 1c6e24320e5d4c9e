# What all pages say, and how this language writes numbers and dates.
language-name = English
page-skip = Skip to the content
page-languages = Language
page-privacy = Privacy policy of { $operator }
number-group = ,
number-decimal = .
date-pattern = { $month } { $day }, { $year }
time-pattern = { $date }, { $twelve }:{ $minute } { $half ->
    [am] AM
   *[pm] PM
 } { $zone }
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
