#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes data/german_credit.csv from UCI's german.data (Statlog German Credit, https://doi.org/10.24432/C5NC77, CC BY 4.0):
readable names for columns and codes, sex and marital status told apart (attribute 9 holds both), label good or bad.

    tools/make_german_credit.py german.data > data/german_credit.csv
"""
import sys

CODES = {
    "checking_account": {"A11": "below_0", "A12": "0_to_200", "A13": "200_or_more", "A14": "none"},
    "credit_history": {"A30": "none_taken", "A31": "all_paid_here", "A32": "paid_until_now", "A33": "delays_before", "A34": "critical"},
    "purpose": {"A40": "new_car", "A41": "used_car", "A42": "furniture", "A43": "radio_tv", "A44": "appliances", "A45": "repairs",
                "A46": "education", "A47": "holiday", "A48": "retraining", "A49": "business", "A410": "other"},
    "savings": {"A61": "below_100", "A62": "100_to_500", "A63": "500_to_1000", "A64": "1000_or_more", "A65": "unknown_or_none"},
    "employment": {"A71": "unemployed", "A72": "below_1_year", "A73": "1_to_4_years", "A74": "4_to_7_years", "A75": "7_years_or_more"},
    "other_debtors": {"A101": "none", "A102": "co_applicant", "A103": "guarantor"},
    "property": {"A121": "real_estate", "A122": "savings_or_insurance", "A123": "car_or_other", "A124": "unknown_or_none"},
    "other_plans": {"A141": "bank", "A142": "stores", "A143": "none"},
    "housing": {"A151": "rent", "A152": "own", "A153": "free"},
    "job": {"A171": "unskilled_non_resident", "A172": "unskilled_resident", "A173": "skilled", "A174": "highly_qualified"},
    "telephone": {"A191": "no", "A192": "yes"},
    "foreign_worker": {"A201": "yes", "A202": "no"},
}
SEX = {"A91": "male", "A92": "female", "A93": "male", "A94": "male", "A95": "female"}
MARITAL = {"A91": "divorced_or_separated", "A92": "divorced_separated_or_married", "A93": "single", "A94": "married_or_widowed", "A95": "single"}
COLUMNS = ["checking_account", "duration_months", "credit_history", "purpose", "amount", "savings", "employment", "installment_rate",
           "SEX_AND_MARITAL", "other_debtors", "residence_years", "property", "age", "other_plans", "housing", "credits_here", "job",
           "dependents", "telephone", "foreign_worker"]

names = [n for c in COLUMNS for n in (["sex", "marital_status"] if c == "SEX_AND_MARITAL" else [c])]
print(",".join(names + ["risk"]))
for line in open(sys.argv[1], encoding="ascii"):
    fields = line.split()
    if not fields:
        continue
    row = []
    for column, value in zip(COLUMNS, fields):
        if column == "SEX_AND_MARITAL":
            row += [SEX[value], MARITAL[value]]
        else:
            row.append(CODES[column][value] if column in CODES else value)
    print(",".join(row + [{"1": "good", "2": "bad"}[fields[20]]]))
